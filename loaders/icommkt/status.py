"""What became of each contact, for those who must not see addresses: `push_status.duckdb`, made after each push."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import duckdb

from loaders.icommkt.run import Run
from loaders.icommkt.session import Session
from loaders.text import fit
from loaders.warehouse import quoted

log = logging.getLogger(__name__)

TABLES = """
create table told.push_status as
select
    relation.store_key,
    sha256(concat(contact_key.secret, '|', relation.store_key, '|', relation.email)) as contact_key,
    relation.profile,
    case
        when latest.run_id in {runs} then if(latest.outcome = 'accepted', 'sent', latest.outcome)
        else relation.outcome
    end as outcome,
    if(latest.outcome = 'refused', latest.status_code, null) as status_code,
    if(latest.outcome = 'refused', latest.reason, null) as reason,
    if(latest.outcome = 'refused', latest.first_at, latest.answered_at) as since
from scratch.relation as relation
cross join state.push.contact_key as contact_key
left join (
    from state.push.answers
    qualify row_number() over (partition by store_key, profile, email order by run_id desc) = 1
) as latest using (profile, store_key, email);

create table told.push_outcomes as
select profile, outcome, status_code, reason, count(*) as contacts, min(since) as since
from told.push_status
group by all
order by all;

create table told.push_runs as from state.push.runs order by run_id;

comment on table told.push_status is
    'One row per contact and profile after the last push. outcome: sent, refused, removed by it; unchanged; waiting
(refused before, not tried yet); left (the mart, not ICOMMKT); outside (of the audience); new, changed, stale: not sent
yet.';
comment on column told.push_status.contact_key is
    'sha256 of the secret in push.contact_key of the state file, store_key and e-mail, with | between them.';
comment on column told.push_status.reason is 'In ICOMMKT''s words, e-mails masked; of refused and waiting contacts.';
comment on column told.push_status.since is 'When it was answered last, of refusals the first time; UTC.';
comment on table told.push_outcomes is 'push_status, counted by profile, outcome and reason.';
comment on table told.push_runs is
    'One row per run and profile, also one that a guard stopped: when, how many contacts, how it ended and why.';
"""


def write(session: Session, runs: Sequence[Run]) -> None:
    """Write the file anew, aside and then renamed: a reader sees the former one or this one."""
    try:
        _write(session, runs)
    except (OSError, duckdb.Error) as error:  # the push itself must end as it ended
        log.warning("%s cannot be written: %s", session.house.push_status, fit(error, 80))


def _write(session: Session, runs: Sequence[Run]) -> None:
    path = session.house.push_status
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    session.db.execute(f"attach {quoted(aside)} as told")
    try:
        session.db.execute(TABLES.format(runs=(-1, *(run.run_id for run in runs if run.run_id))))
    finally:
        session.db.execute("detach told")
    aside.chmod(0o600)
    aside.replace(path)
