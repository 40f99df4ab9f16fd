"""Settings and logins: what is missing is named, what is somebody else's is not taken."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from loaders.errors import SettingsError
from loaders.magento.auth import OPAQUE_TOKEN_SECONDS, refusal, token_seconds
from loaders.magento.errors import filled_message
from loaders.magento.settings import MagentoSettings, magento_settings, missing_settings

USER = {"base_url": "https://shop.example", "username": "icomm", "password": "p"}
OAUTH = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("SOURCES__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["BASE_URL", "USERNAME", "PASSWORD"]),
        (USER, []),
        ({"base_url": "https://s", "username": "u"}, ["PASSWORD"]),
        ({"base_url": "https://s", "access_token": "t"}, []),
        (
            {"base_url": "https://s", "access_token": "t", "consumer_key": "k"},
            ["CONSUMER_SECRET", "ACCESS_TOKEN_SECRET"],
        ),
        ({"base_url": "https://s", **dict.fromkeys(OAUTH, "x")}, []),
    ],
)
def test_missing_settings(given: dict[str, Any], missing: list[str]) -> None:
    assert missing_settings(MagentoSettings(**given)) == [f"SOURCES__MAGENTO__{name}" for name in missing]


def test_names_of_others_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERNAME", "somebody")
    monkeypatch.setenv("PASSWORD", "else")
    settings = magento_settings()
    assert (settings.username, settings.password) == ("", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGE_SIZE", "301"),
        ("PAGE_SIZE", "0"),
        ("PAGE_SIZE", "many"),
        ("WORKERS", "0"),
        ("START_DATE", "31/12/2025"),
        ("STORE_IDS", "one"),
        ("BASE_URL", "shop.example"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SOURCES__MAGENTO__{name}", value)
    with pytest.raises(SettingsError, match=f"SOURCES__MAGENTO__{name}"):
        magento_settings()


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    settings = MagentoSettings(password="s3cret", totp_secret="s3cret", access_token="s3cret", consumer_secret="s3cret")
    assert "s3cret" not in repr(settings)


def jwt(**claims: int) -> str:
    return "h." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".s"


def test_a_tokens_life_is_read_from_it() -> None:
    assert token_seconds(jwt(iat=1000, exp=4600)) == 3600
    assert token_seconds("abcdefghijklmnopqrstuvwxyz012345") == OPAQUE_TOKEN_SECONDS
    assert token_seconds("a.b.c") == OPAQUE_TOKEN_SECONDS


def test_placeholders_are_filled() -> None:
    named = {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "A::b"}}
    assert filled_message(named) == "The consumer isn't authorized to access A::b."
    assert filled_message({"message": "%1 of %2", "parameters": ["a", "b"]}) == "a of b"
    assert filled_message("<html>") == ""


def test_two_factor_is_explained_with_the_ways_out() -> None:
    body = {"message": "Please use the 2fa provider-specific endpoints to obtain a token.", "parameters": {}}
    said = refusal(400, body, has_totp=False)
    for words in ("TOTP_SECRET", "OAuth", "switched off"):
        assert words in said
