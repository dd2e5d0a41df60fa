"""The whole assessment of a synthetic table: every part gives its figures or says why it has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.fidelity.detection import Detection, detection
from synth.fidelity.frames import Part, align
from synth.fidelity.marginals import Marginal, marginals
from synth.fidelity.pairs import PairTrends, pair_trends
from synth.fidelity.sdmetrics_scores import SdmetricsScores, sdmetrics_scores
from synth.fidelity.utility import Utility, utility
from synth.table.schema import TableSchema

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fidelity:
    """How much a synthetic table is like the real one. A part that does not apply is a Part that says why."""

    scores: SdmetricsScores | Part
    pairs: PairTrends | Part
    marginals: Mapping[str, Marginal]
    detection: Detection | Part
    utility: Utility | Part
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
            "records": dict(self.records),
        }


def _part(part: SdmetricsScores | PairTrends | Detection | Utility | Part) -> dict[str, object]:
    return {"not_applicable": part.reason} if isinstance(part, Part) else part.to_json()


def assess(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    rng: np.random.Generator,
    *,
    progress: Progress | None = None,
) -> Fidelity:
    """The fidelity of `synthetic` to the records it was learnt from (train) and to fresh ones (holdout).

    Identifiers are left out everywhere. Datetimes count as numbers. The same `rng` state gives the same result.
    Raises TableError if a table has no records or lacks a column of the schema.
    """
    report = progress or (lambda _stage, _fraction: None)
    report("align", 0.0)
    tables = align(train, holdout, synthetic, schema)
    records = {"train": len(train), "holdout": len(holdout), "synthetic": len(synthetic)}
    if not tables.columns:
        nothing = Part(reason="All columns are identifiers.")
        return Fidelity(
            scores=nothing, pairs=nothing, marginals={}, detection=nothing, utility=nothing, records=records
        )
    report("quality", 0.05)
    scores = sdmetrics_scores(tables, rng)
    report("pairs", 0.5)
    pairs = pair_trends(tables, rng)
    report("marginals", 0.6)
    shares = marginals(tables)
    report("detection", 0.65)
    told_apart = detection(tables, rng)
    report("utility", 0.85)
    useful = utility(tables, schema, rng)
    report("done", 1.0)
    return Fidelity(scores=scores, pairs=pairs, marginals=shares, detection=told_apart, utility=useful, records=records)
