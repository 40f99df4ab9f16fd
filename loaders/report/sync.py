"""The part of the page about the push: the runs of each profile, and what ICOMMKT holds."""

from __future__ import annotations

from loaders.report.data import Facts, Row
from loaders.report.form import NOTHING, WORDS, Form, shown

GOOD = "succeeded"
FIRST_SHOWN = 10


def profiles(form: Form, facts: Facts) -> list[Row]:
    """The last runs of each profile, the profile that was pushed last first."""
    found = []
    for profile in dict.fromkeys(row["profile"] for row in facts["runs"]):
        rows = [_run(form, row, facts.build["store_timezone"]) for row in runs_of(facts, profile)]
        outcomes = {row["outcome"]: row["contacts"] for row in facts["outcomes"] if row["profile"] == profile}
        held = outcomes.get("sent", 0) + outcomes.get("unchanged", 0)
        outside = {"left", "removed", "outside"}
        contacts = sum(count for outcome, count in outcomes.items() if outcome not in outside)
        found.append(
            {
                "name": name_of(facts, profile),
                "say": form.t("sync_say", held=form.n(held), contacts=form.n(contacts)) if outcomes else "",
                "first": rows[:FIRST_SHOWN],
                "rest": rows[FIRST_SHOWN:],
            }
        )
    return found


def runs_of(facts: Facts, profile: str) -> list[Row]:
    """The runs of a profile, the last one first."""
    return [row for row in facts["runs"] if row["profile"] == profile]


def name_of(facts: Facts, profile: str) -> str:
    """The setting that holds the profile's key, else the key's fingerprint."""
    return facts.settings.get(profile, profile)


def status(form: Form, run: Row) -> str:
    """How a run ended, in the page's words."""
    key = f"status_{run['status']}"
    return form.t(key) if key in WORDS else str(run["status"])


def _run(form: Form, run: Row, zone: str) -> Row:
    counts = ("new", "changed", "stale", "acknowledged", "unchanged", "rejected", "waiting", "gone", "outside")
    return {
        "night": form.day(run["as_of_date"]),
        "started": form.moment(run["started_at"], zone),
        "took": form.took(run["took"]),
        "status": status(form, run),
        "is_bad": run["status"] != GOOD,
        "counts": [form.n(run[name]) if run[name] else "0" if run[name] == 0 else NOTHING for name in counts],
        "why": shown(run["message"]),
    }
