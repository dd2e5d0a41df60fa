"""Everything released from some of the same people is attacked together with the new table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

import pandas as pd

from app.errors import NotFoundError
from app.pipeline import EARLIER_APART, earlier_assignment, earlier_synthetic, earlier_table
from app.split import Part, match_learnt, merge_learnt, read_part
from app.stage_context import StageContext
from app.stages.in_shares import Shaped, everybody
from app.stages.learnt import learnt_part
from app.stages.mixed import asked_for
from privacy.audit import ATTACKS, AuditResult, Progress
from privacy.canonical import canonical
from privacy.running import Attack
from privacy.threat import AuditTables
from privacy.union import attack_together
from synth.randomness import Rng
from synth.table.frame import read_parquet
from synth.table.schema import ColumnRole


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierTable:
    """A table released before, and whom of this job's records its generator was trained on."""

    synthetic: Path
    assignment: Path
    in_part: bool = False
    """Whether that is known of equal records only: it was trained on another table."""


def attack_with_earlier(
    context: StageContext,
    result: AuditResult,
    tables: AuditTables,
    progress: Progress,
    *,
    attacks: Mapping[str, Attack] = ATTACKS,
    shaped: Shaped = everybody,
) -> AuditResult:
    """`result` with what the attacks find on this table and the earlier ones; as it is where there are none.

    Earlier generators may have learnt other people, where the job named another seed. Whoever one of them learnt counts
    as learnt; holdout and reference are those whom none has seen, and may be too few to tell anything.

    Where the job named conditions, the earlier tables are cut to the records that meet them, as the real parts are:
    people who do not are not under attack, an attacker who looks for one that does leaves the other records out, and
    any that stayed would thin out a leak. Whoever is learnt but does not meet them was under attack when those tables
    were audited, and nothing that this job releases looks like them.

    An earlier table that is gone, or the division of whose people is gone, is counted in `AuditResult.not_attacked`,
    and so are those that were read by another schema: no policy passes the table then. Those from another table of
    records are attacked with whoever is equal in both, and counted in `AuditResult.in_part`: no policy passes that
    either. `shaped` says who of all of these people is under attack; where it leaves too few, no table could be
    attacked together with this one.
    """
    found, gone = fetched(context)
    result = replace(
        result,
        not_attacked=gone + int(context.task.facts.get(EARLIER_APART, 0)),
        in_part=sum(each.in_part for each in found),
    )
    if not found:
        return result
    under_attack = shaped(of_all_learnt(context, tables, found))
    if under_attack is None:
        return replace(result, not_attacked=result.not_attacked + len(found))
    earlier = [asked_for(read_parquet(each.synthetic, context.schema), context.options) for each in found]
    met = [table for table in earlier if len(table)]
    if not met:  # whatever was released holds nobody whom this job is about: alone and together are the same
        return replace(result, together=replace(result, sizes={**result.sizes, "tables": 1 + len(found)}))
    result = attack_together(
        result,
        under_attack,
        met,
        Rng(context.options.seed).spawn("together").numpy,
        progress=lambda what, done: progress(f"together, {what}", done),
        attacks=attacks,
    )
    if result.together is None:
        raise ValueError("expected an audit of all tables together, got none")
    sizes = {**result.together.sizes, "tables": 1 + len(found)}
    return replace(result, together=replace(result.together, sizes=sizes))


def fetched(context: StageContext) -> tuple[list[EarlierTable], int]:
    """The earlier tables that can be attacked together, and how many cannot."""
    found: list[EarlierTable] = []
    numbers = list(takewhile(lambda n: earlier_synthetic(n) in context.task.inputs, count(1)))
    for number in numbers:
        in_part = earlier_table(number) in context.task.inputs
        try:
            synthetic, assignment = context.fetch(earlier_synthetic(number)), context.fetch(earlier_assignment(number))
            matched = _matched(context, number, assignment) if in_part else assignment
        except NotFoundError:  # deleted since, or when a deletion still took the division along
            continue
        if matched is not None:
            found.append(EarlierTable(synthetic=synthetic, assignment=matched, in_part=in_part))
    return found, len(numbers) - len(found)


def _matched(context: StageContext, number: int, assignment: Path) -> Path | None:
    """The division of an earlier job's table, told of the records of this job's table that are equal in both.

    None where too many of them may be equal by chance.
    """
    own, others = (
        canonical(read_parquet(context.fetch(name), context.schema), context.schema).records
        for name in ("table", earlier_table(number))
    )
    out = context.folder / f"matched-{number}.parquet"
    return out if match_learnt(own, others, assignment, out) else None


def of_all_learnt(context: StageContext, tables: AuditTables, earlier: list[EarlierTable]) -> AuditTables:
    """The tables with everybody whom some generator learnt in train, and nobody of them in holdout and reference."""
    merged = context.folder / "merged.parquet"
    if not merge_learnt([context.fetch("assignment"), *(each.assignment for each in earlier)], merged):
        return tables
    learnt, holdout, reference = (
        read_part(context.fetch("table"), merged, part, context.schema)
        for part in (Part.TRAIN, Part.HOLDOUT, Part.REFERENCE)
    )
    # whoever was learnt is no stranger, though none of the records that were learnt meets the conditions of this job
    options, could_be = context.options, learnt_part(context)
    return replace(
        tables,
        train=asked_for(could_be.of(learnt), options),
        holdout=asked_for(could_be.of(_strangers(context, holdout, learnt)), options),
        reference=asked_for(could_be.of(_strangers(context, reference, learnt)), options),
    )


def _strangers(context: StageContext, part: pd.DataFrame, learnt: pd.DataFrame) -> pd.DataFrame:
    """The records of the part whose person has no learnt one. An earlier job may have divided records, not people."""
    person = context.schema.with_role(ColumnRole.PERSON)
    if person is None:
        return part
    known = part[person].notna() & part[person].isin(learnt[person].dropna())
    return part[~known].reset_index(drop=True)
