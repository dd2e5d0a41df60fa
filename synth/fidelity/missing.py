"""Which cells are missing together, in the real and in the synthetic table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import MISSING_LABEL, Tables
from synth.fidelity.gaps import Gap, Sample
from synth.fidelity.levels import distance, people
from synth.protection import HOLDERS

MOST_PATTERNS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """The share of records that miss exactly these columns; of all rarer patterns together where there are none."""

    columns: tuple[str, ...] | None
    real: float
    synthetic: float

    def to_json(self) -> dict[str, object]:
        """Columns and shares."""
        columns = None if self.columns is None else list(self.columns)
        return {"columns": columns, "real": self.real, "synthetic": self.synthetic}


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingPatterns:
    """The most frequent patterns, and the distance of the synthetic table over all of them."""

    patterns: tuple[Pattern, ...]
    gap: Gap

    def to_json(self) -> dict[str, object]:
        """The patterns as JSON values."""
        return {"patterns": [pattern.to_json() for pattern in self.patterns], "gap": self.gap.to_json()}


def missing_patterns(tables: Tables, sample: Sample) -> MissingPatterns:
    """The patterns that at least five people of train have, at most twelve; all others make one, of five people too.

    Else the columns that others miss would follow from what each column misses in all, and be a few people's pattern.
    """
    train, synthetic = _gaps(tables.train), _gaps(tables.synthetic)
    kept = np.flatnonzero(train.any(axis=0) | synthetic.any(axis=0))
    found, codes = np.unique(np.packbits(train[:, kept], axis=1), axis=0, return_inverse=True)
    held = people(codes.ravel(), tables.people, len(found))
    order = [int(i) for i in np.argsort(-np.bincount(codes.ravel()), kind="stable") if held[i] >= HOLDERS]
    order = order[:MOST_PATTERNS]
    while order and 0 < np.unique(tables.people[~np.isin(codes.ravel(), order)]).size < HOLDERS:
        order.pop()
    named = {found[i].tobytes(): place for place, i in enumerate(order)}
    size = len(named) + 1
    ours, theirs, sampled, held_back = (
        _codes(table[:, kept], named) for table in (train, synthetic, _gaps(sample.synthetic), _gaps(sample.holdout))
    )
    shares = [np.bincount(each, minlength=size) / len(each) for each in (ours, theirs)]
    bits = [np.unpackbits(np.frombuffer(key, dtype=np.uint8), count=len(kept)).astype(bool) for key in named]
    columns: list[tuple[str, ...] | None] = [tuple(tables.columns[i] for i in kept[bit]) for bit in bits]
    patterns = [
        Pattern(columns=names, real=float(real), synthetic=float(other))
        for names, real, other in zip([*columns, None], shares[0], shares[1], strict=True)
        if real > 0 or other > 0
    ]
    sampled_train = _codes(_gaps(sample.train)[:, kept], named)
    return MissingPatterns(
        patterns=tuple(patterns),
        gap=Gap(
            synthetic=distance(sampled_train, sampled, size),
            holdout=distance(sampled_train, held_back, size),
            records=sample.fewest,
        ),
    )


def _gaps(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which cells are missing, records x columns."""
    return np.column_stack(
        [(frame[c].isna() | (frame[c] == MISSING_LABEL)).to_numpy(dtype=bool) for c in frame.columns]
    )


def _codes(gaps: NDArray[np.bool_], named: dict[bytes, int]) -> NDArray[np.int64]:
    """The place of each record's pattern; that after the last for patterns without a name."""
    packed, inverse = np.unique(np.packbits(gaps, axis=1), axis=0, return_inverse=True)
    places = np.array([named.get(row.tobytes(), len(named)) for row in packed], dtype=np.int64)
    return places[inverse.ravel()]
