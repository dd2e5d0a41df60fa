"""A table that was made to a mix is attacked twice: on everybody whom it can contain, and on people in its shares.

A mix may have half of its records from a cell that one real person in a thousand is in. Those few are whom it may give
away, and among everybody whom it can contain nobody would see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.stages.mixed import cells_of
from app.wire_jobs import JobOptions
from privacy.audit import AuditResult
from privacy.limits import Policy
from privacy.policy import WORSE, decide
from privacy.threat import AuditTables
from synth.fidelity.mixed import FEWEST, thinned
from synth.randomness import Rng
from synth.sequences.outline import owners_of
from synth.table.schema import ColumnRole, TableSchema

Shaped = Callable[[AuditTables], AuditTables | None]
"""The tables with those of their people who are under attack; None where they are too few for any attack."""
Tell = Callable[[str, float], None]
Attack = Callable[[Shaped, Tell], AuditResult]
Places = NDArray[np.int64]


def everybody(tables: AuditTables) -> AuditTables:
    """The tables as they are."""
    return tables


def attack_in_shares(
    tables: AuditTables, options: JobOptions, policy: Policy, attack: Attack, tell: Tell
) -> AuditResult:
    """What `attack` finds on everybody; where a mix has more of some people than usual, the worse of that and of what
    it finds on people in the shares of the table, by the policy.

    Of two equal verdicts the audit of people in the shares stands, as nobody thins it out. Too few of them for any
    attack are counted in `AuditResult.in_shares`, and no policy passes the table then.
    """
    if not options.made_to_shares():
        return attack(everybody, tell)
    people, held = _people(tables, options), {name: len(frame) for name, frame in tables.named()}
    chosen = {name: frame for name, (frame, _) in people.items()}
    if all(len(frame) == held[name] for name, frame in chosen.items()):
        return attack(everybody, tell)
    sizes = {name: count for name, (_, count) in people.items() if name != "reference"}
    of_all = replace(attack(everybody, lambda what, done: tell(what, done / 2)), in_shares=sizes)
    if min(sizes.values()) < FEWEST:
        return replace(of_all, notes=(*of_all.notes, _too_few(decide(of_all, policy).verdict)))
    of_some = attack(
        lambda given: _shaped(given, options),
        lambda what, done: tell(f"in the shares of the mix, {what}", (1 + done) / 2),
    )
    found = {"in its shares": replace(of_some, in_shares=sizes), "of all": of_all}
    verdicts = {name: decide(each, policy).verdict for name, each in found.items()}
    worse = max(found, key=lambda name: WORSE.index(verdicts[name]))
    said = _both(verdicts["of all"], verdicts["in its shares"], is_of_all=worse == "of all")
    return replace(found[worse], notes=(*found[worse].notes, said))


def _shaped(tables: AuditTables, options: JobOptions) -> AuditTables | None:
    """The tables with people in the shares of the mix; None where they are too few."""
    people = _people(tables, options)
    if min(people[name][1] for name in ("train", "holdout")) < FEWEST:
        return None
    # an empty reference is none: the attacks that need one then say so
    reference = people["reference"][0] if "reference" in people else None
    reference = None if reference is None or reference.empty else reference
    return replace(tables, train=people["train"][0], holdout=people["holdout"][0], reference=reference)


def _people(tables: AuditTables, options: JobOptions) -> dict[str, tuple[pd.DataFrame, int]]:
    """Of train, holdout and reference the records of people in the shares of the synthetic table, and their number.

    A person is in the cell of their first record, and is chosen with all that they have.
    """
    rng = Rng(options.seed).spawn("in shares")
    _, of_made = _cells(tables.synthetic, options, tables.schema)
    return {
        name: _chosen(frame, options, tables.schema, of_made, rng.spawn(name).numpy) for name, frame in _real(tables)
    }


def _real(tables: AuditTables) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((name, frame) for name, frame in tables.named() if name != "synthetic")


def _chosen(
    frame: pd.DataFrame, options: JobOptions, schema: TableSchema, made: Places, rng: np.random.Generator
) -> tuple[pd.DataFrame, int]:
    owner, cells = _cells(frame, options, schema)
    people = thinned(cells, made, rng, together=True)
    kept = np.zeros(len(cells), dtype=np.bool_)
    kept[people] = True
    return frame[kept[owner]].reset_index(drop=True), len(people)


def _cells(frame: pd.DataFrame, options: JobOptions, schema: TableSchema) -> tuple[Places, Places]:
    """(records,) the person of each, numbered, and (people,) their cell.

    Whoever is not named is a person of their own.
    """
    person, cells = schema.with_role(ColumnRole.PERSON), cells_of(frame, options)
    if cells is None:
        raise ValueError("expected a job that asked for shares, got another one")
    if person is None:
        return np.arange(len(frame), dtype=np.int64), cells
    owner = owners_of(frame[person])
    nameless = np.flatnonzero(owner < 0)
    owner[nameless] = owner.max(initial=-1) + 1 + np.arange(len(nameless))
    _, first = np.unique(owner, return_index=True)
    return owner, cells[first]


def _too_few(verdict: str) -> str:
    return (
        "The table was made to a mix. Attacked were all whom it can contain, in the shares of the real table. In the "
        f"shares of this table there are too few people to attack, so it cannot pass. The attacks and "
        f"these numbers give {verdict}."
    )


def _both(of_all: str, in_shares: str, *, is_of_all: bool) -> str:
    stands = "all whom it can contain" if is_of_all else "people in its own shares"
    return (
        f"The table was made to a mix and attacked twice: on all whom it can contain, in the shares of the real table "
        f"({of_all}), and on people in its own shares, none of them twice ({in_shares}). The worse verdict stands. The "
        f"figures here are those on {stands}."
    )
