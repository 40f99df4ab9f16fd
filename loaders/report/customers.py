"""The part of the page about contacts: how many, their scores, their segments over time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from loaders.report import charts
from loaders.report.data import Facts, Row
from loaders.report.form import Form

GROUPS = ("LOYAL", "FREQUENT", "BEGINNERS", "PROSPECTS")
GONE = "GONE"


def change(form: Form, now: float, before: float | None, of: str = "", how: str = "n") -> Row | None:
    """How much a number differs from one before; None when there was none."""
    if before is None:
        return None
    return {"value": now - before, "text": form.signed(now - before, how), "of": of}


def ratio(form: Form, now: float | None, before: float | None, of: str = "") -> Row | None:
    """The same in percent."""
    if now is None or not before:
        return None
    share = now / before - 1
    return {"value": round(share, 3), "text": form.signed(share, "share"), "of": of}


def tiles(form: Form, facts: Facts) -> list[Row]:
    """The headline numbers, with what changed."""
    day, now = facts.build["as_of_date"], facts["contacts"][0]
    nights = {row["day"]: row for row in facts["contacts_by_day"]}
    found = [_contacts_tile(form, key, now[key], nights, day) for key in ("contacts", "buyers")]
    share = form.t("of_contacts", share=form.share(now["subscribed"] / now["contacts"])) if now["contacts"] else ""
    found.append(_tile(form.t("subscribed"), form.n(now["subscribed"]), note=share))

    periods = {row["is_now"]: row for row in facts["periods"]}
    this, last = (periods.get(is_now, {"purchases": 0, "amount": 0.0}) for is_now in (True, False))
    purchases, amounts = (_rolling([row[key] for row in facts["daily"]]) for key in ("purchases", "amount"))
    averages = [amount / count if count else None for amount, count in zip(amounts, purchases, strict=True)]
    for key, now_is, it_was, line, write in (
        ("purchases", this["purchases"], last["purchases"], purchases, form.n),
        ("revenue", this["amount"], last["amount"], amounts, form.money),
        ("average", average(this), average(last), averages, form.money),
    ):
        name = f"{form.t(key)}, {form.window(0, 30)}"
        moved = ratio(form, now_is, it_was, form.t("vs_before"))
        found.append(_tile(name, write(now_is), [moved], charts.line(line, name)))
    return found


def average(row: Mapping[str, Any]) -> float | None:
    """The amount of a purchase; None without any."""
    return row["amount"] / row["purchases"] if row["purchases"] else None


def _contacts_tile(form: Form, key: str, now: int, nights: dict[dt.date, Row], day: dt.date) -> Row:
    moves = []
    for days, exactly in ((1, "vs_yesterday"), (30, "vs_month")):
        ago = day - dt.timedelta(days)
        night = max((one for one in nights if one <= ago), default=None)
        if night:
            of = form.t(exactly) if night == ago else form.t("vs_day", day=form.day(night))
            moves.append(change(form, now, nights[night][key], of))
    if len(moves) == 2 and moves[0] == moves[1]:
        moves.pop()
    points = {night: row[key] for night, row in nights.items()}
    first = max(min(nights, default=day), day - dt.timedelta(89))
    line = charts.line(calendar(points, first, day), form.t(key))
    return _tile(form.t(key), form.n(now), moves, line, form.t("no_history"))


def _tile(name: str, value: str, moves: list[Row | None] | None = None, line: str = "", note: str = "") -> Row:
    return {"name": name, "value": value, "moves": [one for one in moves or [] if one], "line": line, "note": note}


def _rolling(values: list[float]) -> list[float]:
    return [sum(values[end - 30 : end + 1]) for end in range(30, len(values))]


def calendar(points: Mapping[dt.date, float], first: dt.date, last: dt.date) -> list[float | None]:
    """The values of all days; None where there is none."""
    return [points.get(first + dt.timedelta(days)) for days in range((last - first).days + 1)]


def rfm(form: Form, facts: Facts) -> Row | None:
    """The two heat maps, by contacts and by money; None without any score."""
    if not facts["rfm"]:
        return None
    cells: dict[tuple[int, int], Row] = defaultdict(lambda: {"contacts": 0, "amount": 0.0, "segments": []})
    for row in facts["rfm"]:
        cell = cells[row["r"], row["f"]]
        cell["contacts"] += row["contacts"]
        cell["amount"] += row["amount"]
        cell["segments"].append(row)
    contacts, amount = (sum(cell[key] for cell in cells.values()) for key in ("contacts", "amount"))
    best, now = cells[5, 5], facts["contacts"][0]
    borders = {row["measure"]: row["begins_at"] for row in facts["borders"]}
    say = ""
    if best["contacts"] > 1:
        share, money = form.share(best["contacts"] / contacts, 1), form.share(best["amount"] / amount if amount else 0)
        say = form.t("rfm_say", n=form.n(best["contacts"]), share=share, money=money)
    notes = [
        *([form.t("rfm_r5", days=form.n(borders["recency"]))] if "recency" in borders else []),
        *([form.t("rfm_f5", n=form.n(borders["frequency"]))] if "frequency" in borders else []),
        form.t("rfm_help"),
        form.t("prospects_note", n=form.n(now["contacts"] - now["buyers"])),
        *([form.t("unscored_note", n=form.n(now["unscored"]))] if now["unscored"] else []),
    ]
    return {
        "say": say,
        "help": " ".join(notes),
        "maps": [
            _map(form, cells, "contacts", form.t("rfm_by_contacts"), form.n),
            _map(form, cells, "amount", form.named(form.t("rfm_by_money")), form.short),
        ],
    }


def _map(form: Form, cells: Mapping[tuple[int, int], Row], key: str, title: str, write: Any) -> Row:
    most = max(cell[key] for cell in cells.values())
    nobody: Row = {"contacts": 0, "amount": 0.0, "segments": []}

    def shown(r: int, f: int) -> Row:
        cell = cells.get((r, f), nobody)
        named = ", ".join(f"{row['segment']} {form.n(row['contacts'])}" for row in cell["segments"])
        return {
            "text": write(cell[key]),
            "step": charts.step(cell[key], most),
            "segments": [_short(row["segment"]) for row in cell["segments"]],
            "tip": f"R{r} F{f}: {form.n(cell['contacts'])}, {form.money(cell['amount'])} · {named}",
        }

    rows = [{"name": f"R{r}", "cells": [shown(r, f) for f in range(1, 6)]} for r in range(5, 0, -1)]
    return {"id": key, "title": title, "rows": rows}


def _short(segment: str) -> str:
    """FREQUENT_AT_RISK as At risk, under the head of its group."""
    group, _, rest = segment.partition("_")
    return rest.replace("_", " ").capitalize() if rest and group in GROUPS else segment


def sizes(form: Form, facts: Facts) -> Row:
    """Each segment and group over the nights."""
    day = facts.build["as_of_date"]
    nights = sorted({row["day"] for row in facts["segments"]})
    if not nights:
        return {"days": 0, "halves": [], "say": ""}
    counts: dict[tuple[str, str], dict[dt.date, int]] = defaultdict(lambda: defaultdict(int))
    amounts: dict[tuple[str, str], float] = defaultdict(float)
    for row in facts["segments"]:
        for key in ((row["grp"], row["segment"]), (row["grp"], "")):
            counts[key][row["day"]] += row["contacts"]
            amounts[key] += row["amount"] if row["day"] == day else 0
    ago = day - dt.timedelta(30)
    base = max((night for night in nights if ago - dt.timedelta(7) <= night <= ago), default=None)  # or it is no month

    def shown(group: str, segment: str) -> Row:
        points = {night: counts[group, segment].get(night, 0) for night in nights}
        name = segment or group
        label = f"{name}: {form.n(points[nights[0]])} → {form.n(points.get(day, 0))}"
        return {
            "name": name,
            "is_group": not segment,
            "line": charts.line(calendar(points, nights[0], day), label),
            "contacts": form.n(points.get(day, 0)),
            "amount": form.short_money(amounts[group, segment]),
            "change": change(form, points.get(day, 0), points[base]) if base else None,
        }

    halves: list[list[Row]] = [[], []]
    changes: list[tuple[float, str]] = []
    groups = sorted({group for group, _ in counts}, key=lambda group: _order(GROUPS, group))
    for group in groups:
        of_it = [segment for one, segment in counts if one == group and segment]
        of_it.sort(key=lambda segment: -counts[group, segment].get(day, 0))
        lines = [shown(group, one) for one in ("", *(of_it if of_it != [group] else []))]
        halves[_order(GROUPS, group) > 1] += lines
        changes += [(one["change"]["value"], one["name"]) for one in lines[1:] or lines if one["change"]]
    say = ""
    if changes and max(changes)[0] > 0 > min(changes)[0]:
        (most, up), (least, down) = max(changes), min(changes)
        say = form.t("sizes_say", up=up, up_n=form.signed(most), down=down, down_n=form.signed(least))
    return {"days": (day - nights[0]).days + 1, "halves": [half for half in halves if half], "say": say}


def moves(form: Form, facts: Facts) -> Row | None:
    """Who went from which group to which; None when nobody is known to have moved."""
    if not facts["moves"]:
        return None
    grid: dict[tuple[str, str], int] = defaultdict(int)
    for row in facts["moves"]:
        grid[row["source_group"], row["target_group"]] += row["contacts"]
    most = max(grid.values())
    sources, targets = (*GROUPS, ""), (*GROUPS, GONE)
    moved = [row for row in facts["moves"] if row["kind"] == "moved"]
    steps = [(_order(GROUPS, row["source_group"]) - _order(GROUPS, row["target_group"]), row) for row in moved]
    words = {"": form.t("new"), GONE: form.t("gone")}
    return {
        "targets": [words.get(one, one) for one in targets],
        "rows": [
            {
                "name": words.get(source, source),
                "cells": [
                    {"text": form.n(n) if n else "·", "step": charts.step(n, most)}
                    for n in (grid.get((source, target), 0) for target in targets)
                ],
            }
            for source in sources
        ],
        "say": form.t(
            "moves_say",
            n=form.n(sum(row["contacts"] for row in moved)),
            up=form.n(sum(row["contacts"] for step, row in steps if step > 0)),
            down=form.n(sum(row["contacts"] for step, row in steps if step < 0)),
        ),
        "top": [
            {**row, "n": form.n(row["contacts"]), "bar": charts.bar(row["contacts"], moved[0]["contacts"])}
            for row in moved[:10]
        ],
    }


def _order(groups: tuple[str, ...], group: str) -> int:
    return groups.index(group) if group in groups else len(groups)
