"""A push killed at a given request or write to the state, counted: the next one ends with ICOMMKT equal to the mart."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.push.harness import Desk, people
from benchmarks.push.published import AS_OF, Given
from tests.search import some_of

# Ends the process at the n-th call of these, before it or right after it; without an n it says how many there were.
SCRIPT = """
import os, sys
from loaders.icommkt import client, session, state, status
from loaders.icommkt.__main__ import main
kill_at, is_after, calls = int(sys.argv[1]), sys.argv[2] == "after", 0
def counted(owner, name):
    real = getattr(owner, name)
    def call(*given, **named):
        global calls
        calls += 1
        is_last = calls == kill_at
        if is_last and not is_after:
            os._exit(9)
        found = real(*given, **named)
        if is_last:
            os._exit(9)
        return found
    setattr(owner, name, call)
for name in ("record", "begin_run", "end_run", "compact"):
    counted(state.State, name)
counted(client.Client, "_post")
counted(session.Session, "keep_pushed")
counted(status, "write")
code = main(sys.argv[3:])
print("calls", calls)
sys.exit(code)
"""
CONTACTS = 500
BATCH = 25
SENDERS = 2


def start(desk: Desk, kill_at: int, when: str = "before") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(kill_at), when, "push", "--as-of-date", AS_OF.isoformat()],
        env=desk.environment(
            batch_size=f"{BATCH}", senders=f"{SENDERS}", read_timeout="0.3", max_attempts="2", max_rejected_share="1"
        ),
        capture_output=True,
        text=True,
        check=False,
    )


def with_refusals_splits_and_time_outs(desk: Desk) -> None:
    refused = [Given(f"no address {number}", people(1)[0].fields) for number in range(5)]
    desk.publish([*people(CONTACTS - 6), *refused, Given("poison@example.com", people(1)[0].fields)])
    desk.server_setting(poison="poison@")
    desk.fault(kind="timeout", count=2, after=7)
    desk.fault(kind="drop_connection", processed=True, count=2, after=12)


def calls(desk: Desk) -> int:
    done = start(desk, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_a_push_killed_at_any_request_or_write_is_completed_by_the_next(desk: Desk) -> None:
    with_refusals_splits_and_time_outs(desk)
    number = calls(desk)
    for kill_at in some_of(number, 4):
        for when in ("before", "after"):
            desk.reset()
            desk.state.unlink(missing_ok=True)
            desk.pushed.unlink(missing_ok=True)
            with_refusals_splits_and_time_outs(desk)
            killed = start(desk, kill_at, when)
            assert killed.returncode in (9, 0), killed.stderr
            desk.no_faults()
            desk.server_setting(poison="")
            sent_before = set(desk.sent())
            known = (
                {email for (email,) in desk.query("select email from push.answers")} if desk.state.exists() else set()
            )
            desk.forget_requests()
            done = desk.run("push", max_rejected_share="1")
            assert done.returncode == 0, (kill_at, when, done.stderr)
            expected = {email: fields for email, fields in desk.expected().items() if "@" in email}
            assert desk.held() == expected, (kill_at, when)
            again = [email for email in desk.sent() if email in sent_before and email not in known]
            assert len(again) <= 2 * SENDERS * BATCH, (kill_at, when)
            assert not [email for email in desk.sent() if email in known and "poison" not in email], (kill_at, when)
