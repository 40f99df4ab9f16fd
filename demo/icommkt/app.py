"""The demo ICOMMKT's HTTP side.

Known and imitated: the paths (with `.Json` and with or without the trailing slash), the request and answer shapes of
`SaveContact`, `SaveMultiContact`, `ListFull` and `RemoveContact`, status codes 1, 2 and 101, `Data.Status` "A"; that a
contact is its e-mail, that what is omitted stays, that an unsubscribed address is not enabled again and that a bounced
one is loaded but rejected.

Not known, chosen here, and mostly settable (see `Settings`): what a wrong key is answered with (default HTTP 401), a
wrong profile (HTTP 200, status code 902), an invalid e-mail (its own status code, 901), batch limits, the letters B and
U, texts of messages, that e-mails are compared without regard to case, what an empty value and an unknown key do. Not
JSON is HTTP 400. Filters of `ListFull` other than `Email` are ignored.

Under `/demo/`, for tests and people, without a key:

* `GET /demo/contacts[?profile_key=][&email=]`: what it holds, `CustomFields` as an object; `saves` counts the writes;
* `POST /demo/contacts {"email", "fields", "profile_key"?}` and `DELETE /demo/contacts?email=`: drift made by hand;
* `POST /demo/unsubscribe {"email"}`, `POST /demo/bounce {"email"}`;
* `GET /demo/requests[?payload=1]`, `DELETE /demo/requests`: the journal;
* `GET /demo/settings`, `POST /demo/settings {...}`;
* `/demo/faults`: see `demo.faults`.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from demo.faults import Faults
from demo.icommkt import settings as codes
from demo.icommkt.settings import CHOICES, Settings
from demo.icommkt.store import BOUNCED, UNSUBSCRIBED, Store
from demo.settings import changed

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_JSON = "application/json; charset=utf-8"
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s.,;]+")


class RefusalError(Exception):
    """The request fails as a whole: HTTP status, and for HTTP 200 the status code inside."""

    def __init__(self, http_status: int, message: str, code: int = codes.BAD_REQUEST) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code


class Icommkt:
    """The imitated API over one database."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.random = random.Random(0)

    async def call(self, request: Request) -> Response:
        """Answer one of the imitated calls, and write it down."""
        name, body = str(request.path_params["name"]), await request.body()
        envelope = "ListContactsFullJsonResult" if name == "ListFull" else f"{name}JsonResult"
        acts = {"SaveContact": self._save_one, "SaveMultiContact": self._save_many, "RemoveContact": self._remove}
        if name != "ListFull" and name not in acts:
            return Response(status_code=404)
        entry: dict[str, Any] = {"method": request.method, "path": request.url.path, "status": 200}
        entry |= {"profile_key": None, "contacts": 0, "bytes": len(body)}
        try:
            self._check_key(request)
            if self.settings.max_bytes and len(body) > self.settings.max_bytes:
                raise self._too_large(f"at most {self.settings.max_bytes} bytes")
            given = _object(body)
            profile = entry["profile_key"] = self._profile(given)
            if name == "ListFull":
                self._journal(entry, body, None)
                return StreamingResponse(self._list(profile, given.get("Filters")), media_type=_JSON)
            result, entry["contacts"] = acts[name](given, profile)
            answer = orjson.dumps({envelope: result})
        except RefusalError as refusal:
            entry["status"] = refusal.http_status
            inside: dict[str, Any] = {"Message": "Error", "MessageDetail": str(refusal), "Data": None}
            inside["StatusCode"] = self._code(refusal.code)
            answer = orjson.dumps({envelope: inside} if refusal.http_status == 200 else {"Message": str(refusal)})
        self._journal(entry, body, answer)
        return Response(answer, entry["status"], media_type=_JSON)

    async def _list(self, profile: str, filters: Any) -> AsyncIterator[bytes]:
        """Stream the contacts of a profile, or the one with the e-mail in `Filters`; no envelope but the name."""
        email = filters.get("Email") if isinstance(filters, dict) else None
        yield b'{"ListContactsFullJsonResult":['
        comma = b""
        for contact in self.store.contacts(profile, str(email).strip().lower() if email else None):
            fields = [{"Key": key, "Value": value} for key, value in contact.fields.items()]
            yield comma + orjson.dumps({"Email": contact.email, "Status": contact.status, "CustomFields": fields})
            comma = b","
        yield b"]}"

    def _save_one(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        return self._save(profile, [_contact(given)])[0], 1

    def _save_many(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        contacts = given.get("ContactList")
        if not isinstance(contacts, list) or not all(isinstance(contact, dict) for contact in contacts):
            raise RefusalError(200, "ContactList is missing")
        limit = self.settings.max_contacts
        if limit and len(contacts) > limit:
            raise self._too_large(f"at most {limit} contacts")
        results = self._save(profile, contacts)
        for result in results:
            if not self.settings.responses_email:
                result["Data"] = None
        arranged = {
            "reversed": results[::-1],
            "shuffled": self.random.sample(results, len(results)),
            "shorter": results[:-1],
            "longer": [*results, *results[-1:]],
            "failures_only": [result for result in results if str(result["StatusCode"]) != str(codes.SUCCESS)],
        }.get(self.settings.responses, results)
        return {"StatusCode": self._code(codes.SUCCESS), "Responses": arranged}, len(contacts)

    def _save(self, profile: str, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        settings = self.settings
        if settings.poison and any(settings.poison in str(contact.get("Email")) for contact in contacts):
            raise RefusalError(settings.poison_status, "Object reference not set to an instance of an object")
        good: list[tuple[str, dict[str, str]]] = []
        results: list[dict[str, Any] | None] = []
        for contact in contacts:
            email = str(contact.get("Email") or "").strip().lower()
            fields = {str(one["Key"]): str(one["Value"]) for one in contact.get("CustomFields") or []}
            unknown = sorted(set(fields) - set(settings.known_fields)) if settings.known_fields else []
            if not EMAIL.fullmatch(email):
                results.append(self._result(codes.INVALID_EMAIL, "Invalid email", email, None))
            elif unknown and settings.unknown_fields == "reject":
                results.append(self._result(codes.UNKNOWN_FIELD, f"Unknown field {unknown[0]}", email, None))
            else:
                dropped = unknown if settings.unknown_fields == "ignore" else ()
                good.append((email, {key: value for key, value in fields.items() if key not in dropped}))
                results.append(None)
        letters = self.store.save(profile, good, blank=settings.empty_values == "store")
        saved = (self._result(codes.SUCCESS, "OK", one[0], letter) for one, letter in zip(good, letters, strict=True))
        return [next(saved) if result is None else result for result in results]

    def _remove(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        removed = self.store.remove(profile, str(_contact(given).get("Email") or "").strip().lower())
        return {"StatusCode": self._code(codes.REMOVED if removed else codes.NOT_FOUND), "Data": None}, 1

    def _result(self, code: int, message: str, email: str, letter: str | None) -> dict[str, Any]:
        return {
            "Message": message,
            "MessageDetail": "" if code == codes.SUCCESS else f"{message}: {email}",
            "Data": {"Email": email, "Status": letter},
            "StatusCode": self._code(code),
        }

    def _code(self, code: int) -> int | str:
        return str(code) if self.settings.status_code_as == "text" else code

    def _too_large(self, message: str) -> RefusalError:
        how = self.settings.too_large
        return RefusalError(200 if how == "error_inside" else int(how), f"Request too large: {message}", codes.TOO_MANY)

    def _journal(self, entry: dict[str, Any], body: bytes, answer: bytes | None) -> None:
        is_full = self.settings.journal == "full"
        self.store.journal(entry, body if is_full else None, answer if is_full else None)

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        form, good = self.settings.auth_form, True
        if form == "basic":
            scheme, _, encoded = given.partition(" ")
            try:
                given = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
            good = scheme.lower() == "basic"
        elif form == "raw_colon":
            given, colon, _ = given.partition(":")
            good = colon == ":"
        if not good or not given or self.settings.api_key not in ("", given):
            raise RefusalError(401, "The API key is not valid", codes.WRONG_KEY)

    def _profile(self, given: dict[str, Any]) -> str:
        profile = given.get("ProfileKey")
        if not isinstance(profile, str) or not profile:
            raise RefusalError(200, "ProfileKey is missing", codes.UNKNOWN_PROFILE)
        if self.settings.profile_keys and profile not in self.settings.profile_keys:
            raise RefusalError(200, "Profile not found", codes.UNKNOWN_PROFILE)
        return profile

    # -- for tests and people

    async def demo(self, request: Request) -> Response:
        """Answer what is under `/demo/`."""
        query, method, what = request.query_params, request.method, request.path_params["what"]
        given = _object(await request.body() or b"{}")
        email = str(given.get("email") or query.get("email") or "").lower()
        profile = given.get("profile_key") or query.get("profile_key")
        rows = self.store.connection.execute("select distinct profile_key from contacts order by 1").fetchall()
        profiles = [profile] if profile else [row[0] for row in rows] or list(self.settings.profile_keys)
        if what in ("unsubscribe", "bounce"):
            return _json({"contacts": self.store.mark(email, UNSUBSCRIBED if what == "unsubscribe" else BOUNCED)})
        if what == "requests":
            if method == "DELETE":
                self.store.forget_requests()
            return _json(self.store.requests(payloads=query.get("payload") == "1"))
        if what == "settings":
            try:
                self.settings = changed(self.settings, given, CHOICES)
            except ValueError as error:
                return _json({"error": str(error)}, 400)
            return _json(self.settings.describe())
        if what != "contacts":
            return _json({"error": f"no control call {what}"}, 404)
        if method == "POST":
            for each in profiles:
                self.store.save(each, [(email, given.get("fields") or {})])
            return _json({"changed": len(profiles)})
        if method == "DELETE":
            return _json({"removed": sum(self.store.remove(each, email) for each in profiles)})
        return _json(
            [
                {"ProfileKey": one.profile_key, "Email": one.email, "Status": one.status}
                | {"CustomFields": one.fields, "saves": one.saves}
                for one in self.store.contacts(profile, email or None)
            ]
        )


def _contact(given: dict[str, Any]) -> dict[str, Any]:
    contact = given.get("Contact")
    if not isinstance(contact, dict):
        raise RefusalError(200, "Contact is missing")
    return contact


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusalError(400, "The body is not JSON") from None
    if not isinstance(given, dict):
        raise RefusalError(400, "The body is not an object")
    return given


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def create_app(database: str | Path, settings: Settings) -> ASGIApp:
    """Build the application over a database file, faults included."""
    api = Icommkt(Store(database), settings)
    paths = ("/Contacts/{name}.Json/", "/Contacts/{name}.Json", "/Contacts/{name}.json/")
    routes = [Route(path, api.call, methods=["POST"]) for path in paths]
    routes.append(Route("/demo/{what}", api.demo, methods=["GET", "POST", "DELETE"]))
    return Faults(Starlette(routes=routes))
