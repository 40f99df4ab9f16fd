"""Magento's error answers: the catalogue of what a live Magento 2.4.7 was recorded to say.

An error body is `{"message": ..., "parameters": ...}`; the message keeps its placeholders (`%1`, `%fieldName`) and the
client puts the parameters in.
"""

from __future__ import annotations

import time
from typing import Any

Parameters = dict[str, Any] | list[Any]


class MagentoError(Exception):
    """An answer with an error status. `cookies` are the kinds of `Set-Cookie` the real one sends with it."""

    def __init__(
        self,
        status: int,
        message: str,
        parameters: Parameters | None = None,
        *,
        errors: list[dict[str, Any]] | None = None,
        cookies: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message}
        if errors is not None:
            self.body["errors"] = errors
        if parameters is not None:
            self.body["parameters"] = parameters
        self.cookies = cookies


def not_authorized(resource: str, *, guest: bool) -> MagentoError:
    """401 for a missing permission and for a missing, bad or expired token alike; only a guest gets a session."""
    return MagentoError(
        401,
        "The consumer isn't authorized to access %resources.",
        {"resources": resource},
        cookies="P" if guest else "",
    )


def sign_in_failed(*, cookies: str = "Pf") -> MagentoError:
    """401 for a wrong password, an unknown or inactive user and a locked one alike."""
    return MagentoError(
        401,
        "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.",
        cookies=cookies,
    )


def no_route() -> MagentoError:
    """404 of an unknown path, and of a known one with a method it does not have."""
    return MagentoError(404, "Request does not match any route.")


def unknown_store_code() -> MagentoError:
    """400 of `/rest/<code>/V1/...` with a code that no store view has."""
    return MagentoError(400, "Specified request cannot be processed.")


def required(*names: str) -> MagentoError:
    """400 for missing input; several names come as a list of errors."""
    message = '"%fieldName" is required. Enter and try again.'
    if len(names) == 1:
        return MagentoError(400, message, {"fieldName": names[0]})
    errors = [{"message": message, "parameters": {"fieldName": name}} for name in names]
    return MagentoError(400, "One or more input exceptions have occurred.", errors=errors)


def not_an_integer(value: object, *, field: str | None = None) -> MagentoError:
    """400 for text where a number belongs."""
    message = f'The "{value}" value\'s type is invalid. The "int" type was expected. Verify and try again.'
    if field is not None:
        message = f'Error occurred during "{field}" processing. {message}'
    return MagentoError(400, message)


def unsupported_field(name: str) -> MagentoError:
    """400 for a key that searchCriteria does not have; `name` is in UpperCamelCase."""
    return MagentoError(
        400, '"%fieldName" is not supported. Correct the field name and try again.', {"fieldName": name}
    )


def unknown_attribute(name: str) -> MagentoError:
    """400 for a filter on an attribute that customers or products do not have."""
    return MagentoError(400, 'The "%1" attribute name is invalid. Reset the name and try again.', [name])


def bad_sort_direction() -> MagentoError:
    """400 for a direction other than ASC and DESC."""
    return MagentoError(
        400,
        "The sort order has to be specified as %1 for ascending order or %2 for descending order.",
        ["ASC", "DESC"],
    )


def page_too_large(maximum: int) -> MagentoError:
    """400 of a page size above the limit, where limits are switched on."""
    return MagentoError(400, "Maximum SearchCriteria pageSize is %max", {"max": maximum})


def internal_error() -> MagentoError:
    """500 as production mode masks it: an unknown column, for instance."""
    report = f"{time.time_ns() // 1000:x}"[-13:]
    return MagentoError(500, f"Internal Error. Details are available in Magento log file. Report ID: webapi-{report}")


def no_such_entity(field: str, value: object) -> MagentoError:
    """404 of most single entities."""
    return MagentoError(404, "No such entity with %fieldName = %fieldValue", {"fieldName": field, "fieldValue": value})


def no_such_order() -> MagentoError:
    """404 of a single order, memo, invoice or shipment."""
    return MagentoError(404, "The entity that was requested doesn't exist. Verify the entity and try again.")


def no_such_product() -> MagentoError:
    """404 of a single product, and of a page of orders with an item whose product breaks it."""
    return MagentoError(404, "The product that was requested doesn't exist. Verify the product and try again.")


def no_such_attribute(code: str) -> MagentoError:
    """404 of an unknown product attribute."""
    return MagentoError(
        404, 'The attribute with a "%1" attributeCode doesn\'t exist. Verify the attribute and try again.', [code]
    )
