"""The whole assessment of a synthetic table: every part gives its figures or says why it has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from synth.fidelity.detection import Detection, detection
from synth.fidelity.frames import Part, Tables, align
from synth.fidelity.gaps import Gap, PairGaps, column_gaps, pair_gaps, same_size
from synth.fidelity.histories import Histories, histories
from synth.fidelity.marginals import Marginal, marginals
from synth.fidelity.missing import MissingPatterns, missing_patterns
from synth.fidelity.pairs import PairTrends, pair_trends
from synth.fidelity.projection import Projection, projection
from synth.fidelity.sdmetrics_scores import SdmetricsScores, sdmetrics_scores
from synth.fidelity.spikes import Spike, spikes
from synth.fidelity.subgroups import Judged, Subgroups, subgroups
from synth.fidelity.utility import Utility, utility
from synth.table.schema import ColumnRole, TableSchema

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Closeness:
    """How far columns, pairs and patterns are off, each beside what a real sample of the same size reaches."""

    records: int
    """Of the synthetic table and of the holdout, on which every distance was measured."""
    columns: Mapping[str, Gap]
    spikes: Mapping[str, Sequence[Spike]]
    pairs: PairGaps | Part
    missing: MissingPatterns
    projection: Projection | Part
    subgroups: Subgroups | Part

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return {
            "records": self.records,
            "columns": {name: gap.to_json() for name, gap in self.columns.items()},
            "spikes": {name: [spike.to_json() for spike in some] for name, some in self.spikes.items()},
            "pairs": _part(self.pairs),
            "missing": self.missing.to_json(),
            "projection": _part(self.projection),
            "subgroups": _part(self.subgroups),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Fidelity:
    """How much a synthetic table is like the real one. A part that does not apply is a Part that says why."""

    scores: SdmetricsScores | Part
    pairs: PairTrends | Part
    marginals: Mapping[str, Marginal]
    detection: Detection | Part
    utility: Utility | Part
    closeness: Closeness | Part
    histories: Histories | Part
    """Of people with several records"""
    records: Mapping[str, int]
    """Records in train, holdout and synthetic."""

    def to_json(self) -> dict[str, object]:
        """The assessment as JSON values; a part that does not apply is {"not_applicable": reason}."""
        return {
            "scores": _part(self.scores),
            "pairs": _part(self.pairs),
            "marginals": {name: marginal.to_json() for name, marginal in self.marginals.items()},
            "detection": _part(self.detection),
            "utility": _part(self.utility),
            "closeness": _part(self.closeness),
            "histories": _part(self.histories),
            "records": dict(self.records),
        }


class _Measured(Protocol):
    def to_json(self) -> dict[str, object]: ...


def _part(part: _Measured | Part) -> dict[str, object]:
    return {"not_applicable": part.reason} if isinstance(part, Part) else part.to_json()


def assess(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    rng: np.random.Generator,
    *,
    by: str | None = None,
    progress: Progress | None = None,
) -> Fidelity:
    """The fidelity of `synthetic` to the records it was learnt from (train) and to fresh ones (holdout).

    Identifiers are left out everywhere. Datetimes count as numbers. Subgroups are those of the column `by`, or of the
    target where none is given. The same `rng` state gives the same result.
    Raises TableError if a table has no records or lacks a column of the schema.
    """
    report = progress or (lambda _stage, _fraction: None)
    report("align", 0.0)
    tables = align(train, holdout, synthetic, schema)
    records = {"train": len(train), "holdout": len(holdout), "synthetic": len(synthetic)}
    if not tables.columns:
        nothing = Part(reason="All columns are identifiers.")
        return Fidelity(
            scores=nothing,
            pairs=nothing,
            marginals={},
            detection=nothing,
            utility=nothing,
            closeness=nothing,
            histories=nothing,
            records=records,
        )
    apart = rng.spawn(1)[0]
    report("quality", 0.05)
    scores = sdmetrics_scores(tables, rng)
    report("pairs", 0.4)
    pairs = pair_trends(tables, rng)
    report("marginals", 0.5)
    shares = marginals(tables)
    report("detection", 0.55)
    told_apart = detection(tables, rng)
    report("utility", 0.7)
    useful = utility(tables, schema, rng)
    report("closeness", 0.9)
    judged = Judged(marginals=shares, detection=told_apart, utility=useful)
    close = _closeness(tables, judged, by or schema.with_role(ColumnRole.TARGET), apart)
    people = histories(train, holdout, synthetic, schema, rng.spawn(1)[0])
    report("done", 1.0)
    return Fidelity(
        scores=scores,
        pairs=pairs,
        marginals=shares,
        detection=told_apart,
        utility=useful,
        closeness=close,
        histories=people,
        records=records,
    )


def _closeness(tables: Tables, judged: Judged, by: str | None, rng: np.random.Generator) -> Closeness:
    sample = same_size(tables, rng)
    columns = column_gaps(sample, judged.marginals)
    return Closeness(
        records=sample.records,
        columns=columns,
        spikes=spikes(tables, sample, judged.marginals),
        pairs=pair_gaps(tables, sample, judged.marginals, columns),
        missing=missing_patterns(tables, sample),
        projection=projection(tables, sample, judged.marginals, rng),
        subgroups=subgroups(tables, sample, judged, by, rng),
    )
