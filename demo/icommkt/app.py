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
from demo.icommkt.store import Store
from demo.settings import SettingError, changed

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CALLS = ("SaveContact", "SaveMultiContact", "ListFull", "RemoveContact")
_JSON = "application/json; charset=utf-8"
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s.,;]+")


class RefusalError(Exception):
    """The request fails as a whole: HTTP status, and for HTTP 200 the status code inside."""

    def __init__(self, http_status: int, code: int = codes.BAD_REQUEST, message: str = "Bad request") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message


class Icommkt:
    """The imitated API over one database."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.random = random.Random(0)

    # -- the imitated API

    async def list_full(self, request: Request) -> Response:
        """Stream the contacts of a profile, or the one with the e-mail in `Filters`; no envelope but the name."""
        body = await request.body()
        try:
            self._check_key(request)
            given = _object(body)
            profile = self._profile(given)
        except RefusalError as refusal:
            return self._refuse(request, body, "ListContactsFullJsonResult", refusal)
        email = given.get("Filters", {}).get("Email") if isinstance(given.get("Filters"), dict) else None

        async def stream() -> AsyncIterator[bytes]:
            yield b'{"ListContactsFullJsonResult":['
            first = True
            for contact in self.store.contacts(profile, str(email).strip().lower() if email else None):
                fields = [{"Key": key, "Value": value} for key, value in contact.fields.items()]
                item = orjson.dumps({"Email": contact.email, "Status": contact.status, "CustomFields": fields})
                yield item if first else b"," + item
                first = False
            yield b"]}"

        self._journal(request, 200, body, profile, 0, None)
        return StreamingResponse(stream(), media_type=_JSON)

    def _save_one(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        contact = given.get("Contact")
        if not isinstance(contact, dict):
            raise RefusalError(200, message="Contact is missing")
        (result,) = self._save(profile, [contact])
        return result, 1

    def _save_many(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        contacts = given.get("ContactList")
        if not isinstance(contacts, list) or not all(isinstance(contact, dict) for contact in contacts):
            raise RefusalError(200, message="ContactList is missing")
        limit = self.settings.max_contacts
        if limit and len(contacts) > limit:
            raise self._too_large(f"at most {limit} contacts")
        results = self._save(profile, contacts)
        for result in results:
            if not self.settings.responses_email:
                result["Data"] = None
        return {"StatusCode": self._code(codes.SUCCESS), "Responses": self._arrange(results)}, len(contacts)

    def _save(self, profile: str, contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        poison = self.settings.poison
        if poison and any(poison in str(contact.get("Email")) for contact in contacts):
            raise RefusalError(
                self.settings.poison_status, message="Object reference not set to an instance of an object"
            )
        good: list[tuple[str, dict[str, str]]] = []
        results: list[dict[str, Any] | None] = []
        for contact in contacts:
            email = str(contact.get("Email") or "").strip().lower()
            fields = {str(one["Key"]): str(one["Value"]) for one in contact.get("CustomFields") or []}
            known = set(self.settings.known_fields)
            unknown = sorted(set(fields) - known) if known else []
            if not EMAIL.fullmatch(email):
                results.append(self._result(codes.INVALID_EMAIL, "Invalid email", email, None))
            elif unknown and self.settings.unknown_fields == "reject":
                results.append(self._result(codes.UNKNOWN_FIELD, f"Unknown field {unknown[0]}", email, None))
            else:
                if unknown and self.settings.unknown_fields == "ignore":
                    fields = {key: value for key, value in fields.items() if key in known}
                good.append((email, fields))
                results.append(None)
        letters = iter(self.store.save(profile, good, blank=self.settings.empty_values == "store"))
        saved = iter(good)
        return [
            self._result(codes.SUCCESS, "OK", next(saved)[0], next(letters)) if result is None else result
            for result in results
        ]

    def _remove(self, given: dict[str, Any], profile: str) -> tuple[dict[str, Any], int]:
        contact = given.get("Contact")
        if not isinstance(contact, dict):
            raise RefusalError(200, message="Contact is missing")
        removed = self.store.remove(profile, str(contact.get("Email") or "").strip().lower())
        return {"StatusCode": self._code(codes.REMOVED if removed else codes.NOT_FOUND), "Data": None}, 1

    def _result(self, code: int, message: str, email: str, letter: str | None) -> dict[str, Any]:
        return {
            "Message": message,
            "MessageDetail": "" if code == codes.SUCCESS else f"{message}: {email}",
            "Data": {"Email": email, "Status": letter},
            "StatusCode": self._code(code),
        }

    def _arrange(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        arranged = {
            "reversed": results[::-1],
            "shuffled": self.random.sample(results, len(results)),
            "shorter": results[:-1],
            "longer": [*results, *results[-1:]],
            "failures_only": [result for result in results if str(result["StatusCode"]) != str(codes.SUCCESS)],
        }
        return arranged.get(self.settings.responses, results)

    def _code(self, code: int) -> int | str:
        return str(code) if self.settings.status_code_as == "text" else code

    def _too_large(self, message: str) -> RefusalError:
        how = self.settings.too_large
        return RefusalError(200 if how == "error_inside" else int(how), codes.TOO_MANY, f"Request too large: {message}")

    # -- what each call has in common

    async def answer(self, request: Request, name: str) -> Response:
        """Carry out one of the calls that answer in an envelope."""
        act = {"SaveContact": self._save_one, "SaveMultiContact": self._save_many, "RemoveContact": self._remove}[name]
        envelope, body = f"{name}JsonResult", await request.body()
        profile: str | None = None
        try:
            self._check_key(request)
            if self.settings.max_bytes and len(body) > self.settings.max_bytes:
                raise self._too_large(f"at most {self.settings.max_bytes} bytes")
            given = _object(body)
            profile = self._profile(given)
            result, contacts = act(given, profile)
        except RefusalError as refusal:
            return self._refuse(request, body, envelope, refusal, profile)
        answer = orjson.dumps({envelope: result})
        self._journal(request, 200, body, profile, contacts, answer)
        return Response(answer, media_type=_JSON)

    def _refuse(
        self, request: Request, body: bytes, envelope: str, refusal: RefusalError, profile: str | None = None
    ) -> Response:
        inside: dict[str, Any] = {"Message": "Error", "MessageDetail": refusal.message, "Data": None}
        inside["StatusCode"] = self._code(refusal.code)
        answer = orjson.dumps({envelope: inside} if refusal.http_status == 200 else {"Message": refusal.message})
        self._journal(request, refusal.http_status, body, profile, 0, answer)
        return Response(answer, refusal.http_status, media_type=_JSON)

    def _journal(
        self, request: Request, status: int, body: bytes, profile: str | None, contacts: int, answer: bytes | None
    ) -> None:
        full = self.settings.journal == "full"
        self.store.journal(
            request.method,
            request.url.path,
            status,
            profile_key=profile,
            contacts=contacts,
            size=len(body),
            payload=body.decode("utf-8", "replace") if full else None,
            answer=answer.decode() if full and answer is not None else None,
        )

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        key, form = self.settings.api_key, self.settings.auth_form
        if form == "basic":
            scheme, _, encoded = given.partition(" ")
            try:
                user = base64.b64decode(encoded, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                user = ""
            good = scheme.lower() == "basic" and user != "" and key in ("", user)
        elif form == "raw_colon":
            user, colon, _ = given.partition(":")
            good = colon == ":" and user != "" and key in ("", user)
        else:
            good = given != "" and key in ("", given)
        if not good:
            inside = self.settings.wrong_key == "error_inside"
            raise RefusalError(200 if inside else 401, codes.WRONG_KEY, "The API key is not valid")

    def _profile(self, given: dict[str, Any]) -> str:
        profile = given.get("ProfileKey")
        if not isinstance(profile, str) or not profile:
            raise RefusalError(200, codes.UNKNOWN_PROFILE, "ProfileKey is missing")
        if self.settings.profile_keys and profile not in self.settings.profile_keys:
            raise RefusalError(200, codes.UNKNOWN_PROFILE, "Profile not found")
        return profile

    # -- for tests and people

    async def demo_contacts(self, request: Request) -> Response:
        """Show, change or remove what is held, past the imitated API."""
        query = request.query_params
        if request.method == "POST":
            given = _object(await request.body())
            profiles = [given["profile_key"]] if given.get("profile_key") else self._profiles()
            for profile in profiles:
                self.store.save(profile, [(str(given["email"]).lower(), given.get("fields") or {})])
            return _json({"changed": len(profiles)})
        if request.method == "DELETE":
            profiles = [query["profile_key"]] if "profile_key" in query else self._profiles()
            return _json({"removed": sum(self.store.remove(one, query["email"].lower()) for one in profiles)})
        return _json(
            [
                {
                    "ProfileKey": contact.profile_key,
                    "Email": contact.email,
                    "Status": contact.status,
                    "CustomFields": contact.fields,
                    "saves": contact.saves,
                }
                for contact in self.store.contacts(query.get("profile_key"), query.get("email"))
            ]
        )

    def _profiles(self) -> list[str]:
        rows = self.store.connection.execute("select distinct profile_key from contacts order by 1").fetchall()
        return [row[0] for row in rows] or list(self.settings.profile_keys)

    async def demo_unsubscribe(self, request: Request) -> Response:
        """Unsubscribe an address."""
        return _json({"contacts": self.store.unsubscribe(str(_object(await request.body())["email"]).lower())})

    async def demo_bounce(self, request: Request) -> Response:
        """Let an address bounce."""
        return _json({"contacts": self.store.bounce(str(_object(await request.body())["email"]).lower())})

    async def demo_requests(self, request: Request) -> Response:
        """Show or empty the journal."""
        if request.method == "DELETE":
            self.store.forget_requests()
            return _json([])
        return _json(self.store.requests(payloads=request.query_params.get("payload") == "1"))

    async def demo_settings(self, request: Request) -> Response:
        """Show or change the settings."""
        if request.method == "POST":
            try:
                self.settings = changed(self.settings, _object(await request.body()), CHOICES)
            except SettingError as error:
                return _json({"error": str(error)}, 400)
        return _json(self.settings.describe())


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusalError(400, message="The body is not JSON") from None
    if not isinstance(given, dict):
        raise RefusalError(400, message="The body is not an object")
    return given


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def create_app(database: str | Path, settings: Settings) -> ASGIApp:
    """Build the application over a database file, faults included."""
    api = Icommkt(Store(database), settings)

    async def call(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in CALLS:
            return Response(status_code=404)
        return await (api.list_full(request) if name == "ListFull" else api.answer(request, name))

    paths = ("/Contacts/{name}.Json/", "/Contacts/{name}.Json", "/Contacts/{name}.json/")
    routes = [
        *(Route(path, call, methods=["POST"]) for path in paths),
        Route("/demo/contacts", api.demo_contacts, methods=["GET", "POST", "DELETE"]),
        Route("/demo/unsubscribe", api.demo_unsubscribe, methods=["POST"]),
        Route("/demo/bounce", api.demo_bounce, methods=["POST"]),
        Route("/demo/requests", api.demo_requests, methods=["GET", "DELETE"]),
        Route("/demo/settings", api.demo_settings, methods=["GET", "POST"]),
    ]
    return Faults(Starlette(routes=routes))
