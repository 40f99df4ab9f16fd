"""What people give as the shop's address, and where a password must not go."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration

from demo.magento.generate import create
from demo.magento.settings import Settings as DemoSettings
from demo.serving import serving
from loaders.errors import SettingsError
from loaders.magento.address import clean
from loaders.magento.client import MagentoClient
from loaders.magento.errors import LoginError, MagentoError
from loaders.magento.settings import MagentoSettings

PASSWORD = DemoSettings().password


def client(base_url: str) -> MagentoClient:
    runtime = RuntimeConfiguration()
    runtime.request_timeout, runtime.request_max_attempts, runtime.request_backoff_factor = 10.0, 2, 0.01
    return MagentoClient(MagentoSettings(base_url=clean(base_url), username="icomm", password=PASSWORD), runtime)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("shop") / "magento.sqlite"
    create(path, customers=30, orders=120)
    with serving("demo.magento", database=path) as url:
        yield url


@pytest.fixture
def shop(running: str) -> str:
    requests.post(f"{running}/demo/reset", timeout=10).raise_for_status()
    return running


def set_up(shop: str, **settings: Any) -> None:
    requests.post(f"{shop}/demo/settings", json=settings, timeout=10).raise_for_status()


# -- the setting


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://www.tienda.example", "https://www.tienda.example"),
        ("  https://www.tienda.example//  ", "https://www.tienda.example"),
        ("https://tienda.example/ar/", "https://tienda.example/ar"),
        ("https://tienda.example/rest", "https://tienda.example"),
        ("https://tienda.example/rest/V1/", "https://tienda.example"),
        ("https://tienda.example/rest/default/V1/orders?x=1", "https://tienda.example"),
        ("https://tienda.example/ar/index.php/rest/", "https://tienda.example/ar"),
        ("https://tienda.example/index.php/admin_x1/dashboard", "https://tienda.example"),
        ("https://tienda.example:8443/graphql", "https://tienda.example:8443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost/tienda", "http://localhost/tienda"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_forms_of_one_address(given: str, expected: str) -> None:
    assert clean(given) == expected


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("tienda.example", "with https://"),
        ("ftp://tienda.example", "with https://"),
        ("https://", "with https://"),
        ("http://tienda.example", "must begin with https://"),
        ("http://10.0.0.5", "must begin with https://"),
        ("http://127.0.0.1.tienda.example", "must begin with https://"),
        ("https://ana:geheim@tienda.example", "without user and password"),
    ],
)
def test_addresses_that_are_refused(given: str, text: str) -> None:
    with pytest.raises(SettingsError, match=text) as caught:
        clean(given)
    assert "geheim" not in str(caught.value)


# -- where REST answers


@pytest.mark.parametrize(
    ("settings", "path", "rest_path"),
    [
        ({}, "", "/rest"),
        ({}, "/", "/rest"),
        ({}, "/rest/V1", "/rest"),
        ({"rewrites": False}, "", "/index.php/rest"),
        ({"base_path": "/tienda"}, "/tienda/", "/tienda/rest"),
        ({"base_path": "/tienda", "rewrites": False}, "/tienda/rest/", "/tienda/index.php/rest"),
    ],
)
def test_rest_is_found(shop: str, settings: dict[str, Any], path: str, rest_path: str) -> None:
    set_up(shop, **settings)
    asking = client(f"{shop}{path}")
    assert b"Magento_Store" in asking.get("modules").body
    assert asking.address().rest_url == f"{shop}{rest_path}"
    assert asking.address().note == ""


def test_admin_address_is_recognised(shop: str) -> None:
    with pytest.raises(MagentoError) as caught:
        client(f"{shop}/admin_k3x9").get("modules")
    assert str(caught.value) == (
        f"{shop}/admin_k3x9 is the admin's address; the shop answers at {shop}: set SOURCES__MAGENTO__BASE_URL to that"
    )


def test_page_of_the_shop_and_wrong_folder(shop: str) -> None:
    with pytest.raises(MagentoError, match=f"is not the shop's; the shop answers at {shop}: set"):
        client(f"{shop}/mujer/zapatos").get("modules")
    set_up(shop, base_path="/tienda")
    with pytest.raises(MagentoError, match="no Magento REST API below"):
        client(shop).get("modules")


# -- redirects, pages and broken servers in front


class Front:
    """A server in front: answers as told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str, str]] = []
        self.answer: Any = None
        self.url = ""

    @property
    def everything(self) -> str:
        return json.dumps(self.seen)


@contextmanager
def front_server() -> Iterator[Front]:
    front = Front()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            front.seen.append((self.command, self.path, str(self.headers.get("Authorization")), body))
            status, headers, content = front.answer(self.command, self.path)
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    front.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def front() -> Iterator[Front]:
    with front_server() as started:
        yield started


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_to_the_same_host_is_taken_up_before_the_login(shop: str, front: Front, status: int) -> None:
    front.answer = lambda _, path: (status, {"Location": f"{shop}{path}"}, b"")
    asking = client(front.url)
    assert b"Magento_Store" in asking.get("modules").body
    assert asking.address().note == f"{front.url} redirects to {shop}; set SOURCES__MAGENTO__BASE_URL to that"
    assert [(method, authorization, body) for method, _, authorization, body in front.seen] == [("GET", "None", "")] * 2


@pytest.mark.parametrize(
    "location",
    [
        "http://otra.example{path}",  # in clear
        "https://otra.example{path}",  # another host
        "https://127.0.0.1.otra.example{path}",
        "https://ana:geheim@127.0.0.1{path}",
        "/",  # the start page
        "/es/",
    ],
)
def test_other_redirects_are_explained(front: Front, location: str) -> None:
    front.answer = lambda _, path: (301, {"Location": location.format(path=path)}, b"")
    with pytest.raises(MagentoError, match=r"redirects to .*set SOURCES__MAGENTO__BASE_URL") as caught:
        client(front.url).get("modules")
    assert "geheim" not in str(caught.value)
    assert PASSWORD not in front.everything


CURRENCY = json.dumps({"base_currency_code": "ARS"}).encode()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_login_is_not_redirected(front: Front, status: int) -> None:
    with front_server() as other:
        other.answer = lambda *_: (200, {"Content-Type": "application/json"}, b'"token"')

        def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
            if "currency" in path:
                return 200, {"Content-Type": "application/json"}, CURRENCY
            return status, {"Location": f"{other.url}{path}"}, b""

        front.answer = answer
        with pytest.raises(MagentoError, match=f"the login is redirected to {other.url}/rest/V1"):
            client(front.url).get("modules")
        assert other.seen == []
        assert [method for method, path, *_ in front.seen if "token" in path] == ["POST"]


def test_token_is_not_taken_along_by_a_redirect(front: Front) -> None:
    with front_server() as other:
        other.answer = lambda *_: (200, {"Content-Type": "application/json"}, b"{}")

        def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
            if method == "POST" or "currency" in path:
                return 200, {"Content-Type": "application/json"}, b'"secret-token"' if method == "POST" else CURRENCY
            return 302, {"Location": f"{other.url}{path}?token=t"}, b""

        front.answer = answer
        with pytest.raises(MagentoError, match=f"orders is redirected to {other.url}/rest/V1/orders") as caught:
            client(front.url).get("orders")
        assert other.seen == []
        assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "a password page stands before"),
        (403, "a firewall in front of"),
        (404, "no Magento REST API below"),
        (200, "no Magento REST API below"),
        (429, "asks for fewer requests"),
        (502, "is broken at the moment"),
        (503, "is in maintenance"),
    ],
)
def test_pages_before_magento(front: Front, status: int, text: str) -> None:
    front.answer = lambda *_: (status, {}, b"<html>a page</html>")
    with pytest.raises(MagentoError, match=text):
        client(front.url).get("modules")
    assert PASSWORD not in front.everything


def test_firewall_before_the_login(front: Front) -> None:
    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        if "currency" in path:
            return 200, {"Content-Type": "application/json"}, CURRENCY
        return 403, {}, b"<html>blocked</html>"

    front.answer = answer
    with pytest.raises(LoginError, match="a firewall in front of the shop refuses the login"):
        client(front.url).get("modules")


def test_untrusted_certificate_gets_no_password(tmp_path: Path) -> None:
    import ssl
    import subprocess

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(MagentoError, match=r"the certificate of https://localhost:\d+ cannot be trusted"):
            client(f"https://localhost:{server.server_port}").get("modules")
    finally:
        server.shutdown()
        server.server_close()
