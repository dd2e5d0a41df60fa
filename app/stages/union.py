"""Everything released from the same records is attacked together with the new table."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, takewhile

from app.desk import Desk
from app.pipeline import earlier_assignment, earlier_synthetic
from app.split import Part, merge_learnt, read_part
from app.stages.tables import meeting
from privacy.audit import AuditResult, Progress
from privacy.threat import AuditTables
from privacy.union import attack_together
from synth.randomness import Rng
from synth.table import read_parquet


def attack_with_earlier(desk: Desk, result: AuditResult, tables: AuditTables, progress: Progress) -> AuditResult:
    """`result` with what the attacks find on this table and the earlier ones; as it is where there are none.

    Earlier generators may have learnt other people, where the job named another seed. Whoever one of them learnt counts
    as learnt; holdout and reference are those whom none has seen, and may be too few to tell anything.
    """
    numbers = list(takewhile(lambda n: earlier_synthetic(n) in desk.task.inputs, count(1)))
    if not numbers:
        return result
    merged = desk.folder / "merged.parquet"
    splits = [desk.fetch("assignment"), *(desk.fetch(earlier_assignment(n)) for n in numbers)]
    if merge_learnt(splits, merged):
        parts = {
            part: meeting(read_part(desk.fetch("table"), merged, part, desk.schema), desk.options.conditions)
            for part in Part
        }
        tables = replace(tables, train=parts[Part.TRAIN], holdout=parts[Part.HOLDOUT], reference=parts[Part.REFERENCE])
    earlier = [read_parquet(desk.fetch(earlier_synthetic(n)), desk.schema) for n in numbers]
    rng = Rng(desk.options.seed).spawn("together").numpy
    return attack_together(
        result, tables, earlier, rng, progress=lambda what, done: progress(f"together, {what}", done)
    )
