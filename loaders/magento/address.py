"""Where a shop's REST API is: from what people give as its address to what the loader may send a password to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from requests import RequestException, Response, Session

from loaders.magento.answers import json_of, php_error, said, text_of
from loaders.magento.errors import MagentoError
from loaders.settings import is_loopback, web_address
from loaders.text import fit

SETTING = "SOURCES__MAGENTO__BASE_URL"
REST_PREFIXES = ("/rest", "/index.php/rest")  # the second where the web server does not rewrite
OPEN_TO_ANYONE = "V1/directory/currency"
_NOT_OF_THE_SHOP = ("rest", "index.php", "graphql")


@dataclass(frozen=True)
class Address:
    """Where a shop answers. `note` says what a person should correct although it works."""

    base_url: str
    prefix: str
    note: str = ""

    @property
    def rest_url(self) -> str:
        """Base of the REST calls."""
        return f"{self.base_url}{self.prefix}"


def clean(given: str) -> str:
    """Bring a base URL into one form: no trailing slash, nothing from `/rest`, `/graphql` or `/index.php` on.

    A user's password is never sent in clear, so plain http is for this machine alone; a tunnel
    (`ssh -L`) makes a shop without TLS such an address.

    Raises SettingsError when it is no address, holds a password, or is plain http to another machine.
    """
    parts = web_address(SETTING, given)
    segments = [one for one in parts.path.split("/") if one]
    for number, segment in enumerate(segments):
        if segment in _NOT_OF_THE_SHOP:
            segments = segments[:number]
            break
    return urlunsplit((parts.scheme, parts.netloc, "/".join(["", *segments]), "", ""))


def follow_no_redirects(session: Session) -> None:
    """Have a session hand redirects out as answers: followed, a POST becomes a GET and a login goes to another host."""
    setattr(session, "get_redirect_target", lambda _: None)  # noqa: B010 - a method of this one object


def find(base_url: str, ask: Callable[[str], Response]) -> Address:
    """Find where REST answers, by a call that is open to anyone, before any password is sent.

    `ask` gets an absolute URL without following redirects. One redirect is taken up: to the same
    host, with or without `www.`, by https.

    Raises MagentoError saying what to set instead, or why nothing answers.
    """
    first = _answers_at(base_url, ask)
    if isinstance(first, Address):
        return first
    target = _redirect_of(first)
    if target is not None:
        base = _base_of(target)
        if base and base != base_url and _is_same_site(urlsplit(base_url), urlsplit(base)):
            found = _answers_at(base, ask)
            if isinstance(found, Address):
                note = f"{base_url} redirects to {base}; set {SETTING} to that"
                return Address(found.base_url, found.prefix, note)
        raise MagentoError(
            f"{base_url} redirects to {_without_secrets(target)}, where no password is sent unasked; set {SETTING} to "
            "the address that a browser shows for the shop's start page"
        )
    if first.status_code in (404, 200):
        for parent in _parents(base_url):
            found = _answers_at(parent, ask)
            if isinstance(found, Address):
                kind = "the admin's address" if "admin" in base_url[len(parent) :].lower() else "not the shop's"
                raise MagentoError(f"{base_url} is {kind}; the shop answers at {parent}: set {SETTING} to that")
    raise MagentoError(_explained(base_url, first))


def redirected(path: str, response: Response) -> str:
    """One line for a redirect where an answer was expected."""
    target = _redirect_of(response)
    where = _without_secrets(target) if target else "nowhere"
    return f"{path} is redirected to {where} ({response.status_code}); set {SETTING} to the address it ends at"


def unreachable(base_url: str | None, error: RequestException) -> str:
    """One line for a store that does not answer."""
    text = repr(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"the certificate of {base_url} cannot be trusted, so nothing is sent to it; have the shop's certificate "
            "renewed with its whole chain, or set REQUESTS_CA_BUNDLE to your own authority's"
        )
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return f"the host of {base_url} is not known; check {SETTING} and this machine's DNS"
    if "Proxy" in type(error).__name__:
        return f"the proxy of this machine does not let {base_url} through; check HTTPS_PROXY and NO_PROXY"
    reason = type(error).__name__.removesuffix("Error")
    return f"no answer from {base_url} ({reason}); check {SETTING} and that the shop is up, then run again"


def _answers_at(base_url: str, ask: Callable[[str], Response]) -> Address | Response:
    """Return where REST answers below `base_url`, or the most telling answer of those that are not REST."""
    telling: Response | None = None
    for prefix in REST_PREFIXES:
        response = ask(f"{base_url}{prefix}/{OPEN_TO_ANYONE}")
        if _is_rest(response):
            return Address(base_url, prefix)
        if telling is None or telling.status_code == 404:
            telling = response
    assert telling is not None  # noqa: S101 - there are prefixes
    return telling


def _is_rest(response: Response) -> bool:
    """Tell Magento's own answers, refusals included, from pages of the shop, its admin or something before it."""
    body = json_of(response)
    return isinstance(body, dict) and ("base_currency_code" in body or "message" in body)


def _redirect_of(response: Response) -> str | None:
    location = response.headers.get("Location")
    if response.status_code not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        return urljoin(str(response.url), location)
    except ValueError:  # brackets that are no IPv6 address
        return location


def _base_of(target: str) -> str:
    """Base URL of a redirect that kept the call's path; empty when it leads somewhere else."""
    parts = _split(target)
    path = parts.path.rstrip("/") if parts else ""
    for prefix in reversed(REST_PREFIXES):
        if parts and path.endswith(f"{prefix}/{OPEN_TO_ANYONE}"):
            kept = path.removesuffix(f"{prefix}/{OPEN_TO_ANYONE}")
            return urlunsplit((parts.scheme, parts.netloc, kept, "", ""))
    return ""


def _is_same_site(ours: SplitResult, theirs: SplitResult) -> bool:
    if theirs.username or theirs.password:
        return False
    is_safe = theirs.scheme == "https" or (theirs.scheme == "http" and is_loopback(theirs.hostname))
    return is_safe and str(ours.hostname).removeprefix("www.") == str(theirs.hostname).removeprefix("www.")


def _parents(base_url: str) -> Iterator[str]:
    parts = urlsplit(base_url)
    path = parts.path
    while path:
        path = path.rpartition("/")[0]
        yield urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _explained(base_url: str, response: Response) -> str:
    status = response.status_code
    if status == 401:
        return f"a password page stands before {base_url} (401); let this machine's address through without it"
    if status == 403:
        return f"a firewall in front of {base_url} refuses this machine (403); have its address let in"
    if status == 503:
        return f"{base_url} is in maintenance (503); run again when the shop is open"
    if status == 429:
        return f"{base_url} asks for fewer requests (429); run again later, or have this machine's address let in"
    if status >= 500:
        return f"{base_url} is broken at the moment ({status}, before Magento answers); run again when the shop works"
    text = text_of(response)
    return php_error(base_url, text) or (
        f"no Magento REST API below {base_url} ({status}, {said(text)}); set {SETTING} to the shop's address, not the "
        "admin's, or have this machine's address let in if that is a captcha or a firewall's page"
    )


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address, None when it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _without_secrets(url: str) -> str:
    """Return the address without user, password and query, fit to be shown."""
    parts = _split(url)
    if parts is None:
        return "an address that cannot be read"
    return fit(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))
