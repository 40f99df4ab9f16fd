"""Tells a webhook when nights begin to fail and when they are well again: once each, whatever happens between."""

from __future__ import annotations

import contextlib

import dlt
import requests

from loaders.errors import SettingsError
from loaders.paths import Warehouse
from loaders.settings import clean_secret, web_address
from loaders.text import fit, mask

SETTING = "NOTIFY_WEBHOOK"
SECONDS = 10


def webhook() -> str:
    """The setting `notify_webhook`, an address that takes JSON with a `text` as Slack and Teams do; "" when not set.

    Whoever has it can write there, so it counts as a secret. Raises SettingsError when it is no such address.
    """
    url = clean_secret(SETTING, dlt.config.get("notify_webhook", str) or "")
    if url:
        web_address(SETTING, url)
    return url


def tell(house: Warehouse, failure: str = "") -> None:
    """Tell of a night that failed, or with no `failure` of one that did not, if the one before ended otherwise.

    What fails of it is said and stops nothing.
    """
    try:
        url = webhook()
        if not url or bool(failure) == house.night_failed.exists():
            return
        with contextlib.suppress(OSError):  # on a full disk it is told again by the next night
            if failure:
                house.work.mkdir(parents=True, exist_ok=True)
                house.night_failed.write_text(mask(failure), encoding="utf-8")
            else:
                house.night_failed.unlink()
        text = f"make daily failed: {failure} (make status says more)" if failure else "make daily works again"
        try:
            requests.post(url, json={"text": mask(text)}, timeout=SECONDS).raise_for_status()
        except requests.RequestException as error:
            print(f"note: {SETTING} could not be told: {type(error).__name__}", flush=True)
    except SettingsError as error:
        print(f"note: {fit(error)}", flush=True)
