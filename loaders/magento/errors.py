"""What can go wrong with a Magento store, each with what to do about it."""

from __future__ import annotations

import re

from loaders.errors import PipelineError

# ACL resource in Magento's 401 -> the box to tick in System > User Roles > Role Resources.
ROLE_LABELS = {
    "Magento_Sales::actions_view": "Sales > Operations > Orders > Actions > View",
    "Magento_Sales::sales_creditmemo": "Sales > Operations > Credit Memos",
    "Magento_Sales::shipment": "Sales > Operations > Shipments",
    "Magento_Sales::sales_invoice": "Sales > Operations > Invoices",
    "Magento_Customer::customer": "Customers",
    "Magento_Customer::manage": "Customers > All Customers",
    "Magento_Customer::group": "Customers > Customer Groups",
    "Magento_Catalog::products": "Catalog > Inventory > Products",
    "Magento_Catalog::categories": "Catalog > Inventory > Categories",
    "Magento_Catalog::attributes_attributes": "Stores > Attributes > Product",
    "Magento_Backend::store": "Stores > Settings > All Stores",
}


class MagentoError(PipelineError):
    """The store could not be read."""


class LoginError(MagentoError):
    """The store refused the login."""


class PermissionMissingError(MagentoError):
    """The login is good and its role may not read a resource."""

    def __init__(self, path: str, resource: str) -> None:
        self.path = path
        self.resource = resource
        self.label = ROLE_LABELS.get(resource, resource)
        super().__init__(
            f"the role may not read {path}; "
            f"tick `{self.label}` in System > User Roles > Role Resources and save the role"
        )


class BadAnswerError(MagentoError):
    """The store answered, but not with what was asked for."""


def filled_message(body: object) -> str:
    """Magento's error text with its placeholders (%1, %fieldName) filled from `parameters`.

    `body` is the parsed JSON of an error answer; anything else gives an empty text.
    """
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return ""
    parameters = body.get("parameters") or {}
    pairs = parameters.items() if isinstance(parameters, dict) else enumerate(parameters, start=1)
    values = {str(key): str(value) for key, value in pairs}
    return re.sub(r"%(\w+)", lambda match: values.get(match[1], match[0]), body["message"])
