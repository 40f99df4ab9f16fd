"""What the demo ICOMMKT can be told to do, because nobody outside ICOMMKT knows what the real one does."""

from dataclasses import asdict, dataclass
from typing import Any

# Status codes. 1, 2 and 101 are published or seen in public code; the others are invented here, from 900 up so that
# nobody takes them for ICOMMKT's.
SUCCESS = 1
REMOVED = 2
NOT_FOUND = 101
INVALID_EMAIL = 901
UNKNOWN_PROFILE = 902
WRONG_KEY = 903
TOO_MANY = 904
UNKNOWN_FIELD = 905
BAD_REQUEST = 906


@dataclass(frozen=True)
class Settings:
    """Behaviour of the demo ICOMMKT; every choice but the first three stands for something unknown.

    `auth_form`: which `Authorization` is taken: `raw` (`<key>`, what public code sends), `raw_colon` (`<key>:0` and
    `<key>:user:0` too, anything after a colon being ignored), `basic` (what the documents say).
    `max_contacts`, `max_bytes`: the largest batch (contacts) and body (bytes) taken, 0 for no limit; `too_large` is the
    answer to more: `413`, `404` (IIS request filtering), `400`, `500`, or `error_inside`.
    `status_code_as`: `number` or `text`.
    `responses`: order and length of a batch's `Responses`: `in_order`, `reversed`, `shuffled`, `shorter` (the last is
    missing), `longer` (one too many), `failures_only`.
    `responses_email`: whether each of them carries `Data.Email`.
    `empty_values`: whether a field sent as "" is blanked (`store`) or left (`keep`).
    `unknown_fields`: one not in `known_fields` is added (`create`), dropped (`ignore`), or fails its contact.
    `known_fields`: the profile's columns; empty means that any key is known.
    `poison`: e-mails containing this text make the whole request fail with `poison_status`; empty for none.
    `journal`: `full` keeps each request's body, `brief` only its counts.
    """

    api_key: str = ""
    profile_keys: tuple[str, ...] = ()
    auth_form: str = "raw"
    max_contacts: int = 0
    max_bytes: int = 0
    too_large: str = "413"
    status_code_as: str = "number"
    responses: str = "in_order"
    responses_email: bool = True
    empty_values: str = "store"
    unknown_fields: str = "create"
    known_fields: tuple[str, ...] = ()
    poison: str = ""
    poison_status: int = 500
    journal: str = "full"

    def describe(self) -> dict[str, Any]:
        """Return every setting; the demo's keys are no secrets."""
        return asdict(self)


CHOICES: dict[str, tuple[str, ...]] = {
    "auth_form": ("raw", "raw_colon", "basic"),
    "too_large": ("413", "404", "400", "500", "error_inside"),
    "status_code_as": ("number", "text"),
    "responses": ("in_order", "reversed", "shuffled", "shorter", "longer", "failures_only"),
    "empty_values": ("store", "keep"),
    "unknown_fields": ("create", "ignore", "reject"),
    "journal": ("full", "brief"),
}
