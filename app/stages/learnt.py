"""Whom the attacks ask about: records that were learnt, and those of other people that could have been."""

from __future__ import annotations

from app.split import Part, read_part
from app.stage_context import StageContext
from app.stages.train import configure
from synth.sequences.learnt import Learnable, learnable
from synth.table.source import FrameTable


def learnt_part(context: StageContext) -> Learnable:
    """Which records of train are learnt, and would be of any other part: the others are no members."""
    train = read_part(context.fetch("table"), context.fetch("assignment"), Part.TRAIN, context.schema)
    return learnable(FrameTable(train), context.schema, configure(context).least)
