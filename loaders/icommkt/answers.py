"""What ICOMMKT's answers mean: pure functions from a decoded answer to what happened to each contact.

Published: status code 1 is success, as text or number. Public callers read `Responses` by position. Nothing says that
it keeps the order or the length of the request, so a contact is acknowledged only when its own e-mail is in the answer,
or when there are as many answers as contacts and every one is success. All else is asked again in smaller parts.
"""

from __future__ import annotations

import codecs
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import requests

from loaders.text import LOOKED_AT, first_words, fit

SUCCESS = "1"
REMOVED = "2"
NOT_FOUND = "101"
LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Accepted:
    """The contact was taken. `status` is ICOMMKT's letter: A is active; others are not published."""

    status: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The contact was not taken; `reason` is ICOMMKT's own text, fit to show."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The answer does not say what happened to this contact.

    `mixed`: there was an answer for each contact, some of them refusals, none with an e-mail: halves can tell.
    """

    mixed: bool = False


Fate = Accepted | Refused | Unclear


class AnswerError(ValueError):
    """The answer as a whole is an error or not of the documented shape. `code` is its status code, if it has one."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def decoded(response: requests.Response) -> Any:
    """Return the JSON of an answer. Raises ValueError."""
    content = response.content.removeprefix(codecs.BOM_UTF8)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # Another encoding, half a surrogate pair, not quite JSON: the slow decoder is more lenient.
        return json.loads(response.text.removeprefix("\ufeff") if response.encoding else content)


def what(body: bytes) -> str:
    """Return what a body that is no JSON is, with its first words."""
    text = body[:LOOKED_AT].decode("utf-8", "replace")
    where = "around its JSON" if '"StatusCode"' in text else "where JSON was due"
    words = first_words(text, 120)
    return f"{'a page' if '<html' in text.lower() else 'a text'} {where}: {words}" if words else f"no text {where}"


def code_of(value: Any) -> str:
    """Return a status code as text: the documents say text, public code compares with a number."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return word(value)


def word(value: Any) -> str:
    """Return a code or letter of an answer as a short text that is fit to keep."""
    text = str(value).strip()
    return text if len(text) <= LONGEST_WORD and text.isalnum() else fit(text, LONGEST_WORD)


def envelope(answer: Any, name: str) -> Any:
    """Return what is inside `{"<name>Result": ...}`. Raises AnswerError when it is not there."""
    if not isinstance(answer, dict) or f"{name}Result" not in answer:
        message = _text(answer) if isinstance(answer, dict) else ""
        raise AnswerError(message or f"the answer has no {name}Result", code_of(part_of(answer, "StatusCode")))
    return answer[f"{name}Result"]


def of_one(answer: Any, email: str) -> Fate:
    """Read the answer to SaveContact. Raises AnswerError when it cannot be read."""
    result = envelope(answer, "SaveContactJson")
    fate = _fate(result)
    named = email_of(result)
    if isinstance(fate, Accepted) and named and named != _normal(email):
        raise AnswerError("the answer is about another contact")
    return fate


def of_batch(answer: Any, emails: Sequence[str]) -> list[Fate]:
    """Read the answer to SaveMultiContact: one fate for each e-mail, in the order given.

    Raises AnswerError when the batch failed as a whole.
    """
    result = envelope(answer, "SaveMultiContactJson")
    responses = part_of(result, "Responses")
    top = code_of(part_of(result, "StatusCode"))
    if not isinstance(responses, list):
        raise AnswerError(_text(result) or "the answer has no Responses", top)
    if top not in ("", SUCCESS):
        # Some callers ask for success at the top too, others do not: what is not plain success is asked again.
        raise AnswerError(_text(result) or f"status code {top} for the whole batch", top)
    wanted = [_normal(email) for email in emails]
    named = [email_of(response) for response in responses]
    if any(named):
        return _by_email(wanted, named, responses)
    fates = [_fate(response) for response in responses]
    if len(fates) != len(wanted):
        return [Unclear()] * len(wanted)
    if all(isinstance(fate, Accepted) for fate in fates):
        return fates
    return [Unclear(mixed=True)] * len(wanted)


def of_removal(answer: Any) -> bool:
    """Read the answer to RemoveContact: true when the contact is not there any more. Raises AnswerError."""
    result = envelope(answer, "RemoveContactJson")
    code = code_of(part_of(result, "StatusCode"))
    if code in (REMOVED, NOT_FOUND):
        return True
    raise AnswerError(_text(result) or f"status code {code}", code)


def _by_email(wanted: list[str], named: list[str | None], responses: list[Any]) -> list[Fate]:
    unclear = Unclear()
    found: dict[str, Fate] = {}
    # A nameless answer could belong to anyone, so it decides for no one.
    for name, response in zip(named, responses, strict=True):
        if name:
            fate = _fate(response)
            if found.setdefault(name, fate) != fate:
                found[name] = unclear
    return [found.get(email, unclear) for email in wanted]


def _fate(response: Any) -> Fate:
    code = code_of(part_of(response, "StatusCode"))
    if code == SUCCESS:
        letter = part_of(part_of(response, "Data"), "Status")
        return _accepted(word(letter) if letter else None)
    if not code:
        return Unclear()
    return Refused(code, _text(response))


@functools.lru_cache(maxsize=64)
def _accepted(letter: str | None) -> Accepted:
    """Return the one `Accepted` of a letter: nearly all answers are the same."""
    return Accepted(letter)


def email_of(response: Any) -> str | None:
    """Return the e-mail that one of the `Responses` is about, if it says so."""
    for holder in (part_of(response, "Data"), response):
        email = part_of(holder, "Email")
        if isinstance(email, str) and email.strip():
            return _normal(email)
    return None


def _normal(email: str) -> str:
    return email.strip().lower()


def part_of(value: Any, key: str) -> Any:
    """Return what an object of an answer has under a key, or None."""
    return value.get(key) if isinstance(value, dict) else None


def _text(response: Any) -> str:
    parts = [fit(part) for part in (part_of(response, "Message"), part_of(response, "MessageDetail")) if part]
    return ": ".join(dict.fromkeys(parts))
