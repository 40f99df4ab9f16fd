"""Magento's error answers, word for word as a live Magento 2.4.7 was recorded to give them.

A body is `{"message": ..., "parameters": ...}`; the message keeps its placeholders (`%1`, `%fieldName`) and the client
puts the parameters in.
"""

import time
from typing import Any


class MagentoError(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str, parameters: dict[str, Any] | list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message}
        if parameters is not None:
            self.body["parameters"] = parameters


def not_authorized(resource: str) -> MagentoError:
    """401 for a missing permission and for a missing, bad or expired token alike."""
    return MagentoError(401, "The consumer isn't authorized to access %resources.", {"resources": resource})


def sign_in_failed() -> MagentoError:
    """401 for a wrong password, an unknown or inactive user and a locked one alike."""
    return MagentoError(
        401,
        "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.",
    )


def no_route() -> MagentoError:
    """404 of an unknown path, and of a known one with a method it does not have."""
    return MagentoError(404, "Request does not match any route.")


def required(*names: str) -> MagentoError:
    """400 for missing input; several names come as a list of errors."""
    message = '"%fieldName" is required. Enter and try again.'
    if len(names) == 1:
        return MagentoError(400, message, {"fieldName": names[0]})
    error = MagentoError(400, "One or more input exceptions have occurred.")
    error.body["errors"] = [{"message": message, "parameters": {"fieldName": name}} for name in names]
    return error


def internal_error() -> MagentoError:
    """500 as production mode masks it: an unknown column of a sales table, for instance."""
    report = f"{time.time_ns() // 1000:x}"[-13:]
    return MagentoError(500, f"Internal Error. Details are available in Magento log file. Report ID: webapi-{report}")
