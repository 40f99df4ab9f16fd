"""What people give as the shop's address, and where a password must not go."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from loaders.errors import SettingsError
from loaders.magento.address import clean
from loaders.magento.errors import MagentoError
from tests.front import Asked, Front, Spoilt, front_of
from tests.unit.magento.conftest import PASSWORD, Shop, client


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
        ("http://127.0.0.1.tienda.example", "must begin with https://"),
        ("https://ana:geheim@tienda.example", "without user and password"),
    ],
)
def test_addresses_that_are_refused(given: str, text: str) -> None:
    with pytest.raises(SettingsError, match=text) as caught:
        clean(given)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "path", "rest_path"),
    [
        ({}, "", "/rest"),
        ({}, "/rest/V1", "/rest"),
        ({"rewrites": False}, "", "/index.php/rest"),
        ({"base_path": "/tienda"}, "/tienda/", "/tienda/rest"),
        ({"base_path": "/tienda", "rewrites": False}, "/tienda/rest/", "/tienda/index.php/rest"),
    ],
)
def test_rest_is_found(shop: Shop, settings: dict[str, Any], path: str, rest_path: str) -> None:
    shop.set(**settings)
    asking = client(clean(f"{shop.url}{path}"))
    assert b"Magento_Store" in asking.get("modules").body
    assert (asking.address().rest_url, asking.address().note) == (f"{shop.url}{rest_path}", "")


@pytest.mark.parametrize(
    ("path", "settings", "said"),
    [
        ("/admin_k3x9", {}, "{url}/admin_k3x9 is the admin's address; the shop answers at {url}: set SOURCES__MAGENTO"),
        ("/mujer/zapatos", {}, "is not the shop's; the shop answers at {url}: set"),
        ("", {"base_path": "/tienda"}, "no Magento REST API below"),
    ],
)
def test_an_address_of_something_else_is_told_with_the_right_one(
    shop: Shop, path: str, settings: dict[str, Any], said: str
) -> None:
    shop.set(**settings)
    with pytest.raises(MagentoError, match=said.format(url=shop.url)):
        client(f"{shop.url}{path}").get("modules")


# -- redirects, pages and broken servers in front


@pytest.mark.parametrize("status", [301, 308])
def test_redirect_to_the_same_host_is_taken_up_before_the_login(shop: Shop, front: Front, status: int) -> None:
    front.spoil = lambda asked: Spoilt(b"", status, {"Location": f"{shop.url}{asked.path}"})
    asking = client(front.url)
    assert b"Magento_Store" in asking.get("modules").body
    assert asking.address().note == f"{front.url} redirects to {shop.url}; set SOURCES__MAGENTO__BASE_URL to that"
    assert [(one.method, one.authorization, one.sent) for one in front.asked] == [("GET", "", b"")] * 2


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
    front.spoil = lambda asked: Spoilt(b"", 301, {"Location": location.format(path=asked.path)})
    with pytest.raises(MagentoError, match=r"redirects to .*set SOURCES__MAGENTO__BASE_URL") as caught:
        client(front.url).get("modules")
    assert "geheim" not in str(caught.value)
    assert not any(PASSWORD.encode() in one.sent for one in front.asked)


@pytest.mark.parametrize(
    ("status", "redirected", "said"),
    [
        (301, "/token", "the login is redirected to {other}/rest/V1"),
        (308, "/token", "the login is redirected to {other}/rest/V1"),
        (302, "/orders", "orders is redirected to {other}/rest/V1/orders"),
    ],
)
def test_neither_password_nor_token_is_taken_along_by_a_redirect(
    shop: Shop, front: Front, status: int, redirected: str, said: str
) -> None:
    with front_of(shop.url) as other:

        def spoilt(asked: Asked) -> Spoilt | None:
            there = {"Location": f"{other.url}{asked.path}?token=t"}
            return Spoilt(b"", status, there) if redirected in asked.path else None

        front.spoil = spoilt
        with pytest.raises(MagentoError, match=said.format(other=other.url)) as caught:
            client(front.url).get("orders")
        assert other.asked == []
        assert [one.method for one in front.asked if "token" in one.path] == ["POST"]
        tokens = [one.authorization.removeprefix("Bearer ") for one in front.asked if one.authorization]
        assert not [token for token in tokens if token in str(caught.value)]


@pytest.mark.parametrize(
    ("status", "path", "text"),
    [
        (401, "", "a password page stands before"),
        (403, "", "a firewall in front of"),
        (403, "/token", "a firewall in front of the shop refuses the login"),
        (404, "", "no Magento REST API below"),
        (200, "", "no Magento REST API below"),
        (429, "", "asks for fewer requests"),
        (502, "", "is broken at the moment"),
        (503, "", "is in maintenance"),
    ],
)
def test_pages_before_magento_are_told_and_sent_no_password(front: Front, status: int, path: str, text: str) -> None:
    page = Spoilt(b"<html>a page</html>", status, {"Content-Type": "text/html"})
    front.spoil = lambda asked: page if path in asked.path else None
    with pytest.raises(MagentoError, match=text):
        client(front.url).get("modules")
    assert any(PASSWORD.encode() in one.sent for one in front.asked) is (path == "/token")


def test_untrusted_certificate_gets_no_password(tmp_path: Path) -> None:
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
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(MagentoError, match=r"the certificate of https://localhost:\d+ cannot be trusted"):
            client(f"https://localhost:{server.server_port}").get("modules")
    finally:
        server.shutdown()
        server.server_close()
