"""What needs a look: the first part of the page. Each has a severity, in colour and in a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loaders.report.data import Facts, Row
from loaders.report.form import NOTHING, WORDS, Form, shown
from loaders.report.sync import GOOD, name_of, runs_of, status

SEVERITIES = ("stop", "warn", "info")


def look(form: Form, facts: Facts) -> list[Row]:
    """All that needs a look, the worst first."""
    found = [*_build(form, facts), *_runs(form, facts), *_tests(form, facts), *_raw(form, facts)]
    found += [*_refused(form, facts), *_left_out(form, facts)]
    return sorted(found, key=lambda one: SEVERITIES.index(one["kind"]))


def tested(form: Form, facts: Facts) -> str:
    """What became of the build's tests; never that they passed without those that warned."""
    warned = sum(row["status"] == "warn" for row in facts["tests"])
    passed = sum(row["status"] == "pass" for row in facts["tests"])
    if not facts.build["is_tested"]:
        return form.t("not_tested")
    return form.t("tests_passed", passed=form.n(passed), warned=form.n(warned))


def _one(
    kind: str, title: str, text: str = "", heads: Sequence[tuple[str, bool]] = (), rows: Sequence[Sequence[str]] = ()
) -> Row:
    """One thing to look at. `heads` are names of columns, and whether they hold numbers."""
    return {
        "kind": kind,
        "title": title,
        "text": text,
        "heads": [{"text": name, "is_number": is_number} for name, is_number in heads],
        "rows": rows,
    }


def _build(form: Form, facts: Facts) -> Iterator[Row]:
    if facts.night_failed:
        yield _one("stop", form.t("night_title"), shown(facts.night_failed))
    if facts.build_failed:
        yield _one(
            "stop",
            form.t("build_title"),
            form.t("build_text", what=shown(facts.build_failed.strip().removeprefix("in "))),
        )
    if not facts.build["is_tested"]:
        yield _one("warn", form.t("not_tested"), form.t("not_tested_text"))


def _runs(form: Form, facts: Facts) -> Iterator[Row]:
    """A last run that did not end well stops the page; one before it only if a later one made up for it."""
    pushed = dict.fromkeys(row["profile"] for row in facts["runs"])
    # A profile that is no longer among the settings has nothing to catch up with.
    for profile in [one for one in pushed if one in facts.settings] or pushed:
        runs, name = runs_of(facts, profile), name_of(facts, profile)
        bad = [run for run in runs if run["status"] != GOOD]
        heads = [(form.t("day"), False), (form.t("status"), False), (form.t("reason"), False)]
        rows = [[form.day(run["as_of_date"]), status(form, run), shown(run["message"]) or NOTHING] for run in bad]
        if bad and bad[0] is runs[0]:
            text = shown(bad[0]["message"])
            title = form.t("last_run_title", profile=name, status=status(form, bad[0]).lower())
            yield _one("stop", title, text, heads, rows if len(bad) > 1 else [])
        elif bad:
            title = form.t("runs_title", n=form.n(len(bad)), of=form.n(len(runs)), profile=name)
            yield _one("info", title, form.t("runs_text", day=form.day(runs[0]["as_of_date"])), heads, rows)
        if runs[0]["status"] == GOOD and runs[0]["build_id"] != facts.build["build_id"]:
            day = form.day(runs[0]["as_of_date"])
            yield _one("info", form.t("unsent_title", profile=name), form.t("unsent_text", day=day))


def _tests(form: Form, facts: Facts) -> Iterator[Row]:
    for test in facts["tests"]:
        if test["status"] != "warn":
            continue
        rows = [{name: value for name, value in row.items() if name != "store_key"} for row in test["rows"]]
        names = list(rows[0]) if rows else []
        heads = [(_column(form, name), all(isinstance(row[name], int | float) for row in rows)) for name in names]
        known, count = test["test"], form.n(test["failures"])
        if f"{known}_title" in WORDS:
            orders = form.n(sum(row.get("orders") or 0 for row in rows))
            title, text = form.t(f"{known}_title", n=count), form.t(f"{known}_text", orders=orders)
        else:
            where = f"seeds/{test['seed']}.csv: " if test["seed"] else ""
            title, text = form.t("test_title", test=where + known), form.t("test_text", n=count)
        more = test["failures"] - len(rows)
        if rows and more > 0:
            text = f"{text} {form.t('rows_shown', n=form.n(len(rows)), of=count)}"
        yield _one("warn", title, text, heads, [[form.value(value) for value in row.values()] for row in rows])


def _column(form: Form, name: str) -> str:
    return form.t(f"column_{name}") if f"column_{name}" in WORDS else name


def _raw(form: Form, facts: Facts) -> Iterator[Row]:
    zone = facts.build["store_timezone"]
    if old := [row for row in facts["raw"] if row["is_old"]]:
        rows = [[row["table_name"], form.moment(row["loaded_at"], zone)] for row in old]
        heads = [(form.t("table"), False), (form.t("loaded"), False)]
        yield _one("warn", form.t("old_title", n=form.n(len(old))), form.t("old_text"), heads, rows)
    if held := facts["quarantine"]:
        rows = [[row["table_name"], form.n(row["row_count"])] for row in held]
        title = form.t("quarantine_title", n=form.n(sum(row["row_count"] for row in held)))
        heads = [(form.t("table"), False), (form.t("count"), True)]
        yield _one("warn", title, form.t("quarantine_text"), heads, rows)


def _refused(form: Form, facts: Facts) -> Iterator[Row]:
    refused = facts["refused"]
    if not refused:
        return
    of_all, again = refused[0]["of_all"], refused[0]["again"]
    text = form.t("ref_again" if again == of_all else "ref_some" if again else "ref_never")
    yield _one(
        "warn",
        form.t("ref_title", n=form.n(of_all)),
        text,
        [
            *((form.t(name), False) for name in ("code", "reason")),
            *((form.t(name), True) for name in ("contacts", "tries")),
            (form.t("next_try"), False),
        ],
        [
            [
                shown(row["code"]) or NOTHING,
                shown(row["reason"]) or NOTHING,
                form.n(row["contacts"]),
                form.n(row["tries"]),
                form.day(row["next_try"]) if row["is_tried_again"] else form.t("when_changed"),
            ]
            for row in refused
        ],
    )


def _left_out(form: Form, facts: Facts) -> Iterator[Row]:
    because = {"missing": "missing", "not an address": "not_address", "not ASCII": "not_ascii", "too long": "too_long"}
    where = {"orders": "in_orders", "accounts": "in_accounts", "accounts and orders": "in_both"}
    if invalid := facts["invalid"]:
        rows = [
            [form.t(because[row["because"]]), form.t(where[row["found_in"]]), form.n(row["contacts"])]
            for row in invalid
        ]
        heads = [(form.t("reason"), False), (form.t("where"), False), (form.t("count"), True)]
        title = form.t("inv_title", n=form.n(sum(row["contacts"] for row in invalid)))
        yield _one("info", title, form.t("inv_text"), heads, rows)
    if excluded := facts["excluded"]:
        rows = [[shown(row["because"]), form.n(row["contacts"])] for row in excluded]
        heads = [(form.t("reason"), False), (form.t("count"), True)]
        title = form.t("exc_title", n=form.n(excluded[0]["of_all"]))
        yield _one("info", title, form.t("exc_text"), heads, rows)
