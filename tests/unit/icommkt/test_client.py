"""Authorization, Retry-After, the rate, and what may be shown: the small parts of the client."""

from __future__ import annotations

import base64
import email.utils
import logging
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from loaders.errors import SettingsError
from loaders.http import retry_after
from loaders.icommkt import settings as settings_module
from loaders.icommkt.client import Client, KeyAuth
from loaders.icommkt.errors import RefusedError, StoppedError
from loaders.icommkt.limiter import Limiter
from loaders.icommkt.settings import IcommktSettings
from loaders.text import MaskingFilter, keep_secret

KEY = "an-api-key"


@pytest.mark.parametrize(
    ("form", "header"),
    [("raw", KEY), ("raw_colon", f"{KEY}:0"), ("basic", "Basic " + base64.b64encode(f"{KEY}:".encode()).decode())],
)
def test_forms_of_authorization(form: str, header: str) -> None:
    request = requests.Request("POST", "https://example.com", auth=KeyAuth(IcommktSettings(KEY, auth_form=form)))
    assert request.prepare().headers["Authorization"] == header


def test_a_netrc_cannot_put_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine example.com login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session = requests.Session()
    request = requests.Request("POST", "https://example.com/x", auth=KeyAuth(IcommktSettings(KEY)))
    assert session.prepare_request(request).headers["Authorization"] == KEY


@pytest.mark.parametrize(
    ("header", "seconds"),
    [*((text, None) for text in (None, "", "-3", "soon", "inf", "nan")), ("7", 7.0), (" 0.5 ", 0.5)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date() -> None:
    assert retry_after(email.utils.formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=5)
    assert retry_after(email.utils.formatdate(time.time() - 60, usegmt=True)) is None


def test_a_pause_holds_for_everybody_and_stop_ends_it() -> None:
    stop = threading.Event()
    limiter = Limiter(0, stop)
    limiter.pause(0.2)
    started = time.monotonic()
    limiter.wait()
    assert time.monotonic() - started >= 0.2
    limiter.pause(60)
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(StoppedError):
        limiter.wait()


def test_a_server_whose_certificate_cannot_be_trusted_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)

    def refuse(*_args: object, **kwargs: object) -> None:
        assert kwargs["verify"] is True
        raise requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    monkeypatch.setattr(requests.Session, "post", refuse)
    client = Client(IcommktSettings(KEY, api_url="https://localhost"), threading.Event())
    with pytest.raises(RefusedError, match="cannot be trusted"):
        client.save_one("profile", "a@b.c", b"{}")


@pytest.mark.parametrize("url", ["http://api.icommarketing.com", "ftp://x", "https://user:pw@host", "https://h?key=1"])
def test_only_https_but_for_this_machine(url: str) -> None:
    with pytest.raises(SettingsError, match="ICOMMKT__API_URL"):
        IcommktSettings(KEY, api_url=url)
    for good in ("https://host", "http://127.0.0.1:8000", "http://localhost", "http://[::1]:1"):
        assert IcommktSettings(KEY, api_url=good).api_url == good


def test_settings_are_read_by_their_exact_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "meant-for-something-else")
    with pytest.raises(SettingsError, match="ICOMMKT__API_KEY and ICOMMKT__PROFILE_KEY are not set"):
        settings_module.read()
    monkeypatch.setenv("ICOMMKT__API_KEY", KEY)
    monkeypatch.setenv("ICOMMKT__BATCH_SIZE", "7")
    monkeypatch.setenv("ICOMMKT__MAX_DROP_SHARE", "0.25")
    monkeypatch.setenv("ICOMMKT__PERMANENT_CODES", '["5", "6"]')
    monkeypatch.setenv("ICOMMKT__ON_MISSING", "remove")
    found = settings_module.read(profile_needed=False)
    assert (found.api_key, found.batch_size, found.max_drop_share) == (KEY, 7, 0.25)
    assert (found.permanent_codes, found.on_missing) == (("5", "6"), "remove")


def test_settings_never_show_their_keys() -> None:
    found = IcommktSettings("secret-api-key", "secret-profile-key")
    assert "secret" not in repr(found)


def test_logs_are_masked_with_their_arguments_and_exceptions() -> None:
    keep_secret("secret-key")
    try:
        raise ValueError("jane@example.com used secret-key")
    except ValueError:
        record = logging.LogRecord("test", logging.ERROR, "", 1, "failed for %s", ("joe@example.com",), sys.exc_info())
    MaskingFilter().filter(record)
    shown = logging.Formatter().format(record)
    assert "failed for j***@example.com" in shown
    assert "j***@example.com used <key>" in shown
    assert "jane@" not in shown
