"""The page's words, and numbers, money and dates, as its reader writes them."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import tomllib
from pathlib import Path

import dlt
from babel import Locale, UnknownLocaleError, dates, numbers

from loaders.errors import SettingsError
from loaders.fields import UNENDING
from loaders.text import fit

LOCALES = {"en": "en_US", "es": "es_AR", "pt": "pt_BR"}
WORDS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
MINUS, SPACE, NOTHING = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}", "\N{EN DASH}"


def report_language() -> str:
    """The setting `report_language`, "" when it is not set.

    Raises SettingsError when the page has no words in it.
    """
    given = str(dlt.config.get("report_language", str) or "").strip().lower()
    if given and given not in LOCALES:
        raise SettingsError(f"REPORT_LANGUAGE is {fit(given, 40)!r}; it is one of {', '.join(LOCALES)}")
    return given


class Form:
    """How one page writes: its language, its locale, its currency."""

    def __init__(self, language: str, store_locale: str | None, currency: str | None) -> None:
        """Take the language, else the store's; numbers are written as in the store's country when it speaks it."""
        store_locale = (store_locale or "").strip()
        spoken = store_locale[:2].lower()
        self.language = language or (spoken if spoken in LOCALES else "en")
        self.locale = Locale.parse(LOCALES[self.language])
        if spoken == self.language:
            with contextlib.suppress(ValueError, UnknownLocaleError):
                self.locale = Locale.parse(store_locale)
        self.currency = currency

    def t(self, key: str, **given: object) -> str:
        """A text of the page, with what is put into it."""
        return WORDS[key][self.language].format(**given)

    def n(self, number: float | None) -> str:
        """A whole number."""
        return NOTHING if number is None else str(numbers.format_decimal(round(number), locale=self.locale))

    def money(self, amount: float | None) -> str:
        """An amount in whole units: cents on a total are noise."""
        if amount is None or not self.currency:
            return self.n(amount)
        form = f"¤{SPACE}#,##0"
        return str(
            numbers.format_currency(
                round(amount), self.currency, format=form, locale=self.locale, currency_digits=False
            )
        )

    def short(self, amount: float | None) -> str:
        """36,0 M: without the currency, beside a heading that names it."""
        if amount is None or abs(amount) < 10_000:
            return self.n(amount)
        digits = 1 if 1e6 <= abs(amount) < 1e8 else 0
        return str(numbers.format_compact_decimal(amount, locale=self.locale, fraction_digits=digits))

    def short_money(self, amount: float | None) -> str:
        """The same with the currency."""
        sign = numbers.get_currency_symbol(self.currency, self.locale) if self.currency else ""
        return f"{sign}{SPACE}{self.short(amount)}".strip()

    def share(self, share: float | None, digits: int = 0) -> str:
        """A share in percent."""
        if share is None:
            return NOTHING
        pattern = self.locale.percent_formats[None].pattern
        form = pattern.replace("#,##0", "#,##0." + "0" * digits if digits else "#,##0")
        return str(numbers.format_percent(share, format=form, locale=self.locale))

    def signed(self, change: float, how: str = "n") -> str:
        """A change with its sign; none where it rounds to nothing."""
        write = getattr(self, how)
        text = str(write(abs(change)))
        if text == write(0):
            return text
        return f"{'+' if change > 0 else MINUS}{text}"

    def named(self, name: str) -> str:
        """A name with the currency behind it."""
        return f"{name}, {self.currency}" if self.currency else name

    def date(self, day: dt.date, how: str = "long") -> str:
        """A day with its year."""
        return str(dates.format_date(day, how, locale=self.locale))

    def day(self, day: dt.date | None) -> str:
        """A day of this year."""
        return NOTHING if day is None else self._plain(dates.format_skeleton("MMMd", day, locale=self.locale))

    def month(self, day: dt.date, how: str = "yMMM") -> str:
        """A month with its year."""
        return self._plain(dates.format_skeleton(how, day, locale=self.locale))

    def month_alone(self, day: dt.date) -> str:
        """A month under its column."""
        return self._plain(dates.format_date(day, "LLL", locale=self.locale))

    def moment(self, at: dt.datetime, zone: str) -> str:
        """Day and time, from UTC, in the store's zone."""
        there = at.replace(tzinfo=dt.UTC).astimezone(dates.get_timezone(zone))
        return f"{self.day(there.date())} {there:%H:%M}"

    def took(self, seconds: float | None) -> str:
        """How long something took."""
        if seconds is None:
            return NOTHING
        if seconds < 60:
            return f"{numbers.format_decimal(round(seconds, 1), locale=self.locale)}{SPACE}s"
        return f"{int(seconds // 60)}{SPACE}min {int(seconds % 60)}{SPACE}s"

    def window(self, first_day: int, last_day: int) -> str:
        """Say which days a window has, as loaders.fields.window_in_words does in English."""
        if first_day == 0:
            return self.t("window_last", n=last_day)
        if last_day >= UNENDING:
            return self.t("window_more", n=first_day - 1)
        return self.t("window_between", a=first_day, b=last_day)

    def value(self, value: object) -> str:
        """A value of a row that a test found."""
        if value is None:
            return NOTHING
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.n(value)
        found = re.match(r"\d{4}-\d\d-\d\d(?=$|[ T])", str(value))
        return self.date(dt.date.fromisoformat(found[0]), "medium") if found else shown(value)

    def _plain(self, text: str) -> str:
        return text.replace(".", "")


def shown(text: object, limit: int = 220) -> str:
    """A text from outside without what could be an address or a telephone number."""
    return re.sub(r"\S*@\S*|\+?\d[\d ()-]{5,}\d", "…", fit(text, limit))
