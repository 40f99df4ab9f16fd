"""Finds out on a real profile what is not published: with one address of your own that is no customer's."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

from loaders.errors import PipelineError
from loaders.icommkt import answers, fields
from loaders.icommkt.client import Client
from loaders.icommkt.errors import RefusedError, RequestError
from loaders.icommkt.session import opened
from loaders.icommkt.settings import IcommktSettings
from loaders.paths import Warehouse
from loaders.text import mask_email


def probe(house: Warehouse, settings: IcommktSettings, email: str, say: Callable[[str], object] = print) -> int:
    """Write a test contact into the first profile, ask for it back, say what was learned, remove it.

    Raises PipelineError for an address that is a contact, RefusedError when a step is refused that must work.
    """
    wanted = email.strip().lower()
    with opened(house, settings, read_only=True, email=wanted) as session:
        profile, keys = session.profiles[0], session.published.fields
        known = session.state.number("select count(*) from scratch.relation")
    if known:
        raise PipelineError(f"{mask_email(wanted)} is a contact; probe with an address that is no customer's")
    if not keys:
        raise PipelineError("the published payloads have no fields; run make build")
    client = Client(settings, threading.Event())
    try:
        if client.list_one(profile.key, wanted) is not None:
            raise PipelineError(f"the profile holds {mask_email(wanted)} already; probe with a new address")
        _probe(_Desk(client, profile.key, wanted), keys[0], say)
    except RequestError as error:
        raise RefusedError(f"the probe ended early: {error.reason}") from None
    return 0


class _Desk:
    """The calls of a probe, for one contact."""

    def __init__(self, client: Client, profile_key: str, email: str) -> None:
        self.client = client
        self.profile_key = profile_key
        self.email = email

    def save(self, given: dict[str, str]) -> answers.Fate:
        return self.client.save_one(self.profile_key, self.email, fields.contact_of(self.email, given))

    def held(self) -> dict[str, str]:
        contact = self.client.list_one(self.profile_key, self.email)
        if contact is None:
            raise RefusedError("ListFull does not show the contact that was just saved: it may need time, or rights")
        return fields.of_listed(contact)

    def raw_batch(self, emails: list[str]) -> Any:
        return self.client.raw_batch(self.profile_key, [fields.contact_of(email, {}) for email in emails])


def _probe(desk: _Desk, key: str, say: Callable[[str], object]) -> None:
    fate = desk.save({key: "probe"})
    if not isinstance(fate, answers.Accepted):
        raise RefusedError(f"the test contact was refused: {fate}")
    try:
        say(f"SaveContact: taken, status letter {fate.status or 'none'}")
        say(f"field {key}: {'kept' if desk.held().get(key) == 'probe' else 'NOT kept: does the profile have it?'}")
        desk.save({})
        say(f"a field left out: {'stays' if desk.held().get(key) == 'probe' else 'is LOST'}")
        desk.save({key: ""})
        if desk.held().get(key, "") == "":
            say("an empty value: blanks the field, as the push needs it")
        else:
            say("an empty value: is IGNORED; set ICOMMKT__EMPTY_VALUE to a text such as - that stands for nothing")
        _probe_unknown_field(desk, say)
        _probe_batch(desk, say)
    finally:
        desk.client.remove(desk.profile_key, desk.email)
        say("the test contact is removed")


def _probe_unknown_field(desk: _Desk, say: Callable[[str], object]) -> None:
    name = f"ICOMMKT_Probe_{secrets.token_hex(4)}"
    try:
        fate = desk.save({name: "probe"})
    except RequestError as error:
        say(f"an unknown field: the request is refused ({error.reason}); create every field in the profile first")
        return
    if isinstance(fate, answers.Refused):
        say(f"an unknown field: the contact is refused ({fate.reason}); create every field in the profile first")
    elif name in desk.held():
        say("an unknown field: is created")
    else:
        say("an unknown field: is dropped without a word; create every field in the profile first")


def _probe_batch(desk: _Desk, say: Callable[[str], object]) -> None:
    try:
        result = answers.envelope(desk.raw_batch([desk.email, "not an address"]), "SaveMultiContactJson")
    except (RequestError, answers.AnswerError) as error:
        say(f"a batch with an invalid address: is refused as a whole ({error})")
        return
    responses = result.get("Responses") if isinstance(result, dict) else None
    if not isinstance(responses, list):
        say("a batch with an invalid address: has no answer for each contact")
        return
    codes = [answers.code_of(one.get("StatusCode")) if isinstance(one, dict) else "?" for one in responses]
    named = sum(bool(answers.email_of(one)) for one in responses)
    say(f"a batch of 2, one invalid: {len(responses)} answers, {named} with an e-mail, status codes {codes}")
