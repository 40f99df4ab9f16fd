"""What can go wrong with a Magento store, each with what to do about it."""

from __future__ import annotations

import re
from itertools import islice

from loaders.errors import PipelineError
from loaders.text import fit

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

_LONGEST_TEXT = 1_000
_MOST_PARAMETERS = 20


class MagentoError(PipelineError):
    """The store could not be read."""


class LoginError(MagentoError):
    """The store refused the login."""


class PermissionMissingError(MagentoError):
    """The login is good and its role may not read a resource."""

    def __init__(self, path: str, resource: str) -> None:
        self.resource = resource
        label = ROLE_LABELS.get(resource) or fit(resource, 100)
        super().__init__(
            f"the role may not read {path}; tick `{label}` in System > User Roles > Role Resources and save the role"
        )


class BadAnswerError(MagentoError):
    """The store answered, but not with what was asked for."""


class PageError(BadAnswerError):
    """One request that came to nothing after all retries. `reason` says how; the store may well be up."""

    def __init__(self, text: str, reason: str, status: int = 0) -> None:
        super().__init__(text)
        self.reason = reason
        self.status = status


class StoreDownError(MagentoError):
    """The store answers nothing, or nothing of Magento's; there is no point in asking for the next table."""


def filled_message(body: object) -> str:
    """Magento's error text, fit to be shown, with its placeholders (%1, %fieldName) filled from `parameters`.

    `body` is the parsed JSON of an error answer; anything else gives an empty text.
    """
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return ""
    given = body.get("parameters")
    pairs = given.items() if isinstance(given, dict) else enumerate(given if isinstance(given, list) else [], start=1)
    values = {str(key): fit(value) for key, value in islice(pairs, _MOST_PARAMETERS)}
    return fit(re.sub(r"%(\w+)", lambda match: values.get(match[1], match[0]), body["message"][:_LONGEST_TEXT]))
