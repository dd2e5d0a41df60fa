"""The Quality and Diagnostic scores of sdmetrics, which reviewers know. The only module that imports it.

sdmetrics brings in `copulas`, which is under BUSL-1.1; nothing else of the project touches either.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd

from synth.fidelity.frames import Part, Tables, draw


@contextmanager
def _without_torch() -> Iterator[None]:
    """Have imports find no torch, where nobody has loaded it yet.

    sdmetrics loads it where it finds it, for a metric of networks that is in neither score: half of a start's time.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment] # Python's own way to say that there is no such module
    try:
        yield
    finally:
        del sys.modules["torch"]


with warnings.catch_warnings(), _without_torch():
    # The import alone says that these report classes will move.
    warnings.simplefilter("ignore", FutureWarning)
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

MOST_RECORDS = 50_000
"""sdmetrics itself subsamples above this, from the global random state; drawing before keeps the result repeatable."""
MOST_TREND_COLUMNS = 32
"""At most 496 pairs: a wider table is scored on the pairs among 32 of its columns, drawn at random."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SdmetricsScores:
    """Scores from 0 to 1, higher is better; None where sdmetrics gave none."""

    sdmetrics_version: str
    shapes: float | None
    trends: float | None
    """Column Pair Trends over all column pairs (or those among `trend_columns` columns)."""
    trends_strong_pairs: float | None
    """Column Pair Trends over the pairs that are associated in the real table, sdmetrics' own default."""
    diagnostic: float | None
    shapes_floor: float | None
    """The same between train and holdout: what fresh real records would score."""
    trends_floor: float | None
    column_shapes: Mapping[str, float | None]
    column_shapes_floor: Mapping[str, float | None]
    trend_columns: int
    """How many columns the pair trends were taken over."""
    columns: int
    records: int
    """At most this many records per table were scored; Diagnostic takes all."""

    @property
    def quality(self) -> float | None:
        """The overall Quality score, the mean of shapes and trends, over all pairs.

        With its own thresholds sdmetrics 0.32 takes the trends of pairs alone that are associated in the real table
        (0.5 between numbers, 0.3 otherwise); a score published with them is another one.
        """
        if self.shapes is None or self.trends is None:
            return self.shapes if self.trends is None else self.trends
        return (self.shapes + self.trends) / 2

    def to_json(self) -> dict[str, object]:
        """The scores as JSON values."""
        return {
            "sdmetrics_version": self.sdmetrics_version,
            "quality": self.quality,
            "shapes": self.shapes,
            "trends": self.trends,
            "trends_strong_pairs": self.trends_strong_pairs,
            "diagnostic": self.diagnostic,
            "shapes_floor": self.shapes_floor,
            "trends_floor": self.trends_floor,
            "column_shapes": dict(self.column_shapes),
            "column_shapes_floor": dict(self.column_shapes_floor),
            "trend_columns": self.trend_columns,
            "columns": self.columns,
            "records": self.records,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Quality:
    shapes: float | None
    trends: float | None
    columns: Mapping[str, float | None]


def sdmetrics_scores(tables: Tables, rng: np.random.Generator) -> SdmetricsScores | Part:
    """Quality over all pairs and Diagnostic of synthetic against train; Quality of holdout as the floor."""
    train, holdout, synthetic = (
        draw(frame, MOST_RECORDS, rng) for frame in (tables.train, tables.holdout, tables.synthetic)
    )
    columns = list(tables.columns)
    chosen = _trend_columns(columns, rng)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            ours = _quality(train, synthetic, tables, chosen, every_pair=True)
            strong = _quality(train, synthetic, tables, chosen, every_pair=False)
            floor = _quality(train, holdout, tables, chosen, every_pair=True)
            diagnostic = _diagnostic(tables)
    except (ValueError, TypeError, KeyError, IndexError, ZeroDivisionError) as error:
        # Its messages quote cells, so only the kind of error goes on.
        return Part(reason=f"sdmetrics could not score these tables ({type(error).__name__}).")
    return SdmetricsScores(
        sdmetrics_version=version("sdmetrics"),
        shapes=ours.shapes,
        trends=ours.trends,
        trends_strong_pairs=strong.trends,
        diagnostic=diagnostic,
        shapes_floor=floor.shapes,
        trends_floor=floor.trends,
        column_shapes=ours.columns,
        column_shapes_floor=floor.columns,
        trend_columns=len(chosen),
        columns=len(columns),
        records=min(MOST_RECORDS, max(len(train), len(synthetic))),
    )


def _trend_columns(columns: list[str], rng: np.random.Generator) -> list[str]:
    if len(columns) <= MOST_TREND_COLUMNS:
        return columns
    kept = np.sort(rng.permutation(len(columns))[:MOST_TREND_COLUMNS])
    return [columns[i] for i in kept]


def _metadata(tables: Tables, columns: list[str]) -> dict[str, dict[str, dict[str, str]]]:
    numbers = set(tables.numbers)
    return {"columns": {c: {"sdtype": "numerical" if c in numbers else "categorical"} for c in columns}}


def _quality(
    real: pd.DataFrame, other: pd.DataFrame, tables: Tables, chosen: list[str], *, every_pair: bool
) -> _Quality:
    columns = list(tables.columns)
    report = _report(real, other, tables, chosen, every_pair=every_pair)
    shapes = report if len(chosen) == len(columns) else None
    parts = [report]
    if shapes is None and every_pair:
        # The shapes of the columns that the pair trends leave out, a few at a time so that pairs stay few.
        rest = [c for c in columns if c not in set(chosen)]
        parts += [_report(real, other, tables, rest[i : i + 4], every_pair=True) for i in range(0, len(rest), 4)]
    scores = {
        str(row.Column): _number(row.Score) for part in parts for row in part.get_details("Column Shapes").itertuples()
    }
    known = [score for score in scores.values() if score is not None]
    properties = report.get_properties().set_index("Property")["Score"]
    return _Quality(
        shapes=float(np.mean(known)) if known else None,
        trends=_number(properties["Column Pair Trends"]),
        columns={c: scores.get(c) for c in columns},
    )


def _report(
    real: pd.DataFrame, other: pd.DataFrame, tables: Tables, columns: list[str], *, every_pair: bool
) -> QualityReport:
    report = QualityReport()
    if every_pair:
        report.real_correlation_threshold = 0
        report.real_association_threshold = 0
    report.generate(real[columns], other[columns], _metadata(tables, columns), verbose=False)
    return report


def _diagnostic(tables: Tables) -> float | None:
    """Over all records: a range or a category that a subsample of train misses is no defect of the synthetic table."""
    report = DiagnosticReport()
    report.generate(tables.train, tables.synthetic, _metadata(tables, list(tables.columns)), verbose=False)
    return _number(report.get_score())


def _number(value: object) -> float | None:
    number = float(value) if isinstance(value, int | float | np.floating) else float("nan")
    return number if np.isfinite(number) else None
