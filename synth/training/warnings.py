"""What the user has to know of a training, in sentences that stand with the model."""

from __future__ import annotations

from collections.abc import Sequence

from synth.config import TrainConfig
from synth.curve import CurvePoint
from synth.detect.proof import MOST_COLUMNS as SOUGHT_COLUMNS
from synth.detect.rules import is_sought_in_part
from synth.encode.table_encoder import TableEncoder
from synth.protection import TABLE_RECORDS
from synth.sequences.outline import Outline
from synth.sequences.sequences import Sequences
from synth.table.schema import TableSchema
from synth.training.fit_forest import MOST_CODES, MOST_COLUMNS

TOO_SHORT = "The time budget was too short for redrawing columns: records hang together less closely than they could."
"""No column is redrawn."""
TOO_SHORT_TO_FOLLOW = (
    "The time budget was too short to learn how all columns follow from one record of a person to the next: some are "
    "drawn independently of earlier records."
)
"""Some columns of people with several records."""
UNNAMED = (
    "Some records do not say whom they are about: they were not learnt, as nobody's records before them are known."
)
"""The column that names people has gaps."""
UNORDERED = "Some records of a few people have no value in a column that orders records: they were not learnt."
"""The column that orders records has gaps."""
ONE_EACH = (
    f"Fewer than {TABLE_RECORDS} people have several records: the first record of each person was learnt, and how "
    "their records follow one another was not."
)
"""A column names people, of whom nearly all have one record."""
TOO_WIDE = (
    f"The table has more than {MOST_COLUMNS} learnt columns: none is redrawn given the others, so records hang "
    "together less closely than they could."
)
"""The table is wide."""
RULES_IN_PART = (
    f"Rules between columns were looked for among the first {SOUGHT_COLUMNS} numbers and dates, and the first "
    f"{SOUGHT_COLUMNS} categories: others are kept only if you declare them."
)
"""The table is wide, and rules are looked for."""


def warnings_of_people(sequences: Sequences, outline: Outline, schema: TableSchema) -> tuple[str, ...]:
    """About the records of people with several of them."""
    found = [
        (outline.unnamed > 0, UNNAMED),
        (outline.unordered > 0, UNORDERED),
        (sequences.hurried, TOO_SHORT_TO_FOLLOW),
        (schema.rules.find and is_sought_in_part(schema), RULES_IN_PART),
    ]
    return tuple(sentence for is_so, sentence in found if is_so)


def warnings_of_table(encoder: TableEncoder, schema: TableSchema, config: TrainConfig) -> tuple[str, ...]:
    """What of the table is too much: rules that were not looked for, and what is not redrawn."""
    rules = (RULES_IN_PART,) if schema.rules.find and is_sought_in_part(schema) else ()
    if not config.redraw:
        return rules
    if len(encoder.widths) > MOST_COLUMNS:
        return (*rules, TOO_WIDE)
    many = tuple(
        f"Column {column.name!r} has more than {MOST_CODES:,} categories: it is not redrawn given the others, so it "
        "hangs together with them less closely than it could."
        for column in encoder.encoders
        if column.width > MOST_CODES
    )
    return (*rules, *many)


def warnings_of_curve(curve: Sequence[CurvePoint], encoder: TableEncoder) -> tuple[str, ...]:
    """What the last look found: records that are memorised, and columns that have collapsed."""
    last = curve[-1]
    collapsed = tuple(
        f"Column {name!r} shows far less variety than in the table: the generator has collapsed."
        for name in (encoder.encoders[column].name for column in last.collapsed)
    )
    if not last.memorised:
        return collapsed
    memorised = (
        f"Generated records lie nearer to training records than to records kept out (share {last.nearer_train:.3f},"
        " one half expected): the generator has begun to learn records by heart. The weights before that are used,"
        " where there are any."
    )
    return (memorised, *collapsed)
