"""Settings and logins: what is missing is named, what is somebody else's is not taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loaders.magento.errors import filled_message
from loaders.magento.settings import MagentoSettings, magento_settings, missing_settings

USER = {"base_url": "https://shop.example", "username": "icomm", "password": "p"}
OAUTH = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


@pytest.fixture(autouse=True)
def _folder_without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    settings = MagentoSettings(password="s3cret", totp_secret="s3cret", access_token="s3cret", consumer_secret="s3cret")
    assert "s3cret" not in repr(settings)


def test_placeholders_are_filled() -> None:
    named = {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "A::b"}}
    assert filled_message(named) == "The consumer isn't authorized to access A::b."
    assert filled_message({"message": "%1 of %2", "parameters": ["a", "b"]}) == "a of b"
    assert filled_message("<html>") == ""
