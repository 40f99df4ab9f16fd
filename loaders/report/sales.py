"""The part of the page about purchases: months, windows, cohorts, what sells."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from loaders.report import charts
from loaders.report.customers import average, ratio
from loaders.report.data import Facts, Row
from loaders.report.form import NOTHING, Form, shown

BORDERS = (0, 30, 60, 90, 180, 360)
COHORT_MONTHS = range(1, 13)


def months(form: Form, facts: Facts) -> Row:
    """Revenue, purchases and their average of the last 13 months, beside the same months of the year before."""
    by_month = {row["month"]: row for row in facts["months"]}
    last, running = facts["months"][-13:], facts.build["as_of_date"].replace(day=1)

    def before(row: Row) -> Row:
        return by_month[row["month"].replace(year=row["month"].year - 1)]

    drawn = []
    for key, css in (("amount", ""), ("purchases", "low"), ("average", "low")):
        title = form.t({"amount": "revenue"}.get(key, key))
        title = title if key == "purchases" else form.named(title)
        columns = [_column(form, key, row, before(row), is_partial=row["month"] == running) for row in last]
        label = f"{title}: {'; '.join(one.tip for one in columns)}"
        drawn.append({"title": title, "chart": charts.columns(columns, label, css)})
    full = last[-2]
    moved = ratio(form, full["amount"], before(full)["amount"])
    say = ""
    if moved:
        name = form.month(full["month"], "yMMMM").capitalize()
        say = form.t("months_say", month=name, money=form.money(full["amount"]), change=moved["text"])
    return {
        "charts": drawn,
        "say": say,
        "help": form.t("months_help", day=form.day(facts.build["as_of_date"])),
        "rows": [
            {
                "month": form.month(row["month"]),
                "amount": form.money(row["amount"]),
                "before": form.money(before(row)["amount"] or None),
                "purchases": form.n(row["purchases"]),
                "average": form.money(average(row)),
            }
            for row in reversed(last)
        ],
    }


def _column(form: Form, key: str, row: Row, before: Row, *, is_partial: bool) -> charts.Column:
    value, mark = ((average(one) or 0.0) if key == "average" else one[key] for one in (row, before))
    short, long = (form.n, form.n) if key == "purchases" else (form.short, form.money)
    aside = f" ({form.t('year_before')}: {long(mark)})" if mark else ""
    return charts.Column(
        value,
        form.month_alone(row["month"]),
        short(value),
        f"{form.month(row['month'])}: {long(value)}{aside}",
        None if is_partial else mark,  # a whole month beside a part of one would mislead
        is_partial,
    )


def windows(form: Form, facts: Facts) -> Row:
    """The windows that are sent, each with what was bought in it by no contact."""
    day, rows = facts.build["as_of_date"], facts["windows"]
    most = max((row["amount"] for row in rows), default=0)
    return {
        "help": form.t("windows_help", first=form.day(day - dt.timedelta(30)), last=form.day(day)),
        "rows": [
            {
                "name": form.window(row["first_day"], row["last_day"]),
                "buyers": form.n(row["buyers"]),
                "purchases": form.n(row["purchases"]),
                "amount": form.money(row["amount"]),
                "average": form.money(average(row)),
                "bar": charts.bar(row["amount"], most),
                "rest": f"{form.n(row['rest_purchases'])} · {form.short_money(row['rest_amount'])}"
                if row["rest_purchases"]
                else NOTHING,
            }
            for row in rows
        ],
    }


def cohorts(form: Form, facts: Facts) -> Row:
    """Of who first bought in a month, how many bought again so many months later."""
    active: dict[dt.date, dict[int, int]] = defaultdict(dict)
    buyers: dict[dt.date, int] = {}
    for row in facts["cohorts"]:
        active[row["month"]][row["age"]] = row["active"]
        buyers[row["month"]] = row["buyers"]
    # The last month of each still runs, and says nothing yet.
    shares = {
        (month, age): count / buyers[month]
        for month, ages in active.items()
        for age, count in ages.items()
        if 0 < age < max(ages)
    }
    most = max(shares.values(), default=0)

    def cell(month: dt.date, age: int) -> Row | None:
        if (month, age) not in shares:
            return None
        tip = f"{form.month(month)} +{age}: {form.n(active[month][age])} / {form.n(buyers[month])}"
        share = shares[month, age]
        return {"text": form.share(share), "step": charts.step(share, most), "tip": tip}

    first = [month for month, age in shares if age == 1]
    say = ""
    if first:
        share = sum(active[month][1] for month in first) / sum(buyers[month] for month in first)
        say = form.t("cohorts_say", share=form.share(share, 1))
    return {
        "say": say,
        "ages": list(COHORT_MONTHS),
        "rows": [
            {
                "month": form.month(month),
                "buyers": form.n(buyers[month]),
                "cells": [cell(month, age) for age in COHORT_MONTHS],
            }
            for month in sorted(active, reverse=True)
            if (month, 1) in shares
        ],
    }


def rhythm(form: Form, facts: Facts) -> Row | None:
    """How long buyers take to buy again; None when nobody has."""
    if not facts["rhythm"]:
        return None
    counts = {row["bin"]: row["purchases"] for row in facts["rhythm"]}
    total = sum(counts.values())
    columns = []
    for place, border in enumerate(BORDERS):
        if place + 1 < len(BORDERS):
            name = form.t("rhythm_bin", a=border + (1 if place else 0), b=BORDERS[place + 1])
        else:
            name = form.t("rhythm_last", a=border)
        count = counts.get(place, 0)
        columns.append(charts.Column(count, name, form.share(count / total), f"{name}: {form.n(count)}"))
    return {
        "say": form.t("rhythm_say", n=form.n(facts["rhythm"][0]["median"])),
        "chart": charts.columns(columns, "; ".join(f"{one.name}: {one.text}" for one in columns), "low all"),
    }


def tops(form: Form, facts: Facts) -> list[Row]:
    """Brands and categories of the last three whole months with their trend; coupons of all time."""
    found = []
    for key in ("brands", "categories"):
        rows = []
        for row in facts[key]:
            trend = dict(zip(row["places"], row["trend"], strict=True))
            line = charts.line([trend.get(place, 0.0) for place in range(1, 16)], shown(row["name"]), from_zero=True)
            moved = ratio(form, row["amount"], row["year_ago"])
            rows.append(
                {"name": shown(row["name"]), "line": line, "amount": form.short(row["amount"]), "change": moved}
            )
        found.append({"key": key, "title": form.named(form.t(key)), "rows": rows})
    return found


def coupons(form: Form, facts: Facts) -> Row:
    """The codes with the largest revenue so far."""
    return {
        "title": form.named(form.t("coupons")),
        "rows": [
            {
                "name": shown(row["name"]),
                "last_used": form.month(row["last_used"]),
                "purchases": form.n(row["purchases"]),
                "amount": form.short(row["amount"]),
            }
            for row in facts["coupons"]
        ],
    }
