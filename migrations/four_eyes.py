"""The triggers by which the database itself holds four eyes, whatever program writes to it.

Where a release is under four eyes, nobody approves it but another person than the one who sent the job. Both have
accounts: keys of one account count as that account, and a key of nobody's account may be anybody's
(`app.identity.are_two` says the same in Python). What this rests on does not change either: who sent a job, whose a
key is, what a person is called, whether a release is under four eyes, and of which job it is. Nor is any of it made a
second time, which is how SQLite's `INSERT OR REPLACE` would change it without firing what watches changes.

A policy may let a PASS out by itself: such a release begins as released, and nobody decided on it.

SQLite rebuilds a table to alter it, and refuses that while a trigger names it. A later version that rebuilds one of
`TABLES` calls `drop` first and `create` after.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

TABLES = ("api_keys", "people", "jobs", "releases")
_ACTORS = "(SELECT id, tenant_id, person_id FROM api_keys UNION ALL SELECT id, tenant_id, id AS person_id FROM people)"
_TWO_PEOPLE = f"""EXISTS (
    SELECT 1 FROM jobs j
    JOIN {_ACTORS} sent ON sent.id = j.created_by JOIN {_ACTORS} decided ON decided.id = NEW.decided_by
    WHERE j.id = NEW.job_id AND j.tenant_id = NEW.tenant_id
      AND sent.tenant_id = NEW.tenant_id AND decided.tenant_id = NEW.tenant_id
      AND sent.person_id <> decided.person_id)"""  # noqa: S608 - no input
_BY_POLICY = "(NEW.decided_by IS NULL AND NEW.verdict = 'PASS')"
_OUT = "NEW.four_eyes AND NEW.state = 'released'"
_KNOWN = f"EXISTS (SELECT 1 FROM {_ACTORS} a WHERE a.id = NEW.created_by)"  # noqa: S608
_MOVED = "OLD.id <> NEW.id OR OLD.tenant_id <> NEW.tenant_id"
_OTHER = f"{_MOVED} OR OLD.folded <> NEW.folded"
_SENT = "EXISTS (SELECT 1 FROM jobs j WHERE j.created_by = {row}.id)"
_JOB = "EXISTS (SELECT 1 FROM jobs j WHERE j.id = NEW.id)"
_RELEASE_OF_JOB = "EXISTS (SELECT 1 FROM releases r WHERE r.job_id = NEW.id)"

FOUR_EYES = "four eyes: expected the decision of a person with an account, other than the one who sent the job"
RULES = (
    ("begun", "INSERT", "releases", f"{_OUT} AND NOT {_BY_POLICY} AND NOT {_TWO_PEOPLE}", FOUR_EYES),
    (
        "decided",
        "UPDATE",
        "releases",
        f"{_OUT} AND NOT {_TWO_PEOPLE} AND (OLD.state <> 'released' OR NEW.decided_by IS DISTINCT FROM OLD.decided_by)",
        FOUR_EYES,
    ),
    (
        "kept",
        "UPDATE",
        "releases",
        f"{_MOVED} OR OLD.job_id <> NEW.job_id OR (OLD.four_eyes AND NOT NEW.four_eyes)",
        "four eyes: whether a release is under them, and of which job it is, does not change",
    ),
    (
        "anew",
        "INSERT",
        "releases",
        "EXISTS (SELECT 1 FROM releases r WHERE r.id = NEW.id OR r.job_id = NEW.job_id)",
        "four eyes: a release is not replaced",
    ),
    ("sent", "INSERT", "jobs", f"NOT {_KNOWN}", "a job is sent by a key or a person"),
    (
        "anew",
        "INSERT",
        "jobs",
        f"{_JOB} OR {_RELEASE_OF_JOB}",
        "four eyes: a job is not replaced",
    ),
    (
        "sender",
        "UPDATE",
        "jobs",
        f"{_MOVED} OR OLD.created_by <> NEW.created_by",
        "four eyes: who sent a job does not change",
    ),
    (
        "holder",
        "UPDATE",
        "api_keys",
        f"{_OTHER} OR OLD.person_id IS DISTINCT FROM NEW.person_id",
        "four eyes: whose a key is does not change",
    ),
    (
        "person",
        "UPDATE",
        "people",
        _OTHER,
        "four eyes: who a person is does not change",
    ),
    *(
        (name, event, table, _SENT.format(row=row), f"four eyes: {says}")
        for table in ("api_keys", "people")
        for name, event, row, says in (
            ("gone", "DELETE", "OLD", "who sent a job is not deleted before the job"),
            ("anew", "INSERT", "NEW", "who sent a job is not made a second time"),
        )
    ),
)
"""Name, event, table, when it refuses, and what it says then."""


def create() -> None:
    """Make the triggers, in the database of the running migration."""
    connection = op.get_bind()
    postgres = connection.dialect.name == "postgresql"
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one() if postgres else None
    for statement in _statements(schema):
        connection.exec_driver_sql(statement)


def drop() -> None:
    """Remove them, and those of an earlier version of this file."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for name, _, table, _, _ in RULES:
        trigger = _name(table, name)
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}{f' ON {table}' if postgres else ''}")
        if postgres:
            op.execute(f"DROP FUNCTION IF EXISTS {trigger}()")


def _statements(schema: str | None) -> Iterator[str]:
    """What makes the triggers: on PostgreSQL in this schema, on SQLite where there is none."""
    for name, event, table, refused, says in RULES:
        trigger = _name(table, name)
        if schema is not None:
            # the condition is in the function: a trigger's own WHEN takes no subquery. Its search path is its own: a
            # temporary table, or a schema of somebody else, must not stand in for what it looks at
            back = "OLD" if event == "DELETE" else "NEW"
            yield (
                f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql "
                f"SET search_path = {schema}, pg_temp AS $$ BEGIN "
                f"IF {refused} THEN RAISE EXCEPTION '{says}' USING ERRCODE = 'check_violation'; END IF; "
                f"RETURN {back}; END $$"
            )
            yield f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()"
        else:
            when = refused.replace("IS DISTINCT FROM", "IS NOT")  # SQLite before 3.39 knows the second alone
            yield (
                f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            )


def _name(table: str, name: str) -> str:
    return f"four_eyes_{table}_{name}"
