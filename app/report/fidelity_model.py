"""The parts of the document that say how far the synthetic table looks like the real one."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from app.report.base import Figure, Number, Part
from app.report.closeness_model import (
    Gap,
    HistoriesPart,
    MissingPart,
    PairsPart,
    ProjectionPart,
    RocPart,
    Spike,
    SubgroupsPart,
)


class Score(Part):
    """One fidelity score, beside what a real sample scores."""

    key: str
    title: str
    explanation: str
    better: Literal["higher", "lower"]
    synthetic: Figure
    floor: Figure = Field(description="The same score of the holdout: what real records that were not learnt reach.")
    floor_note: str = ""


class Rest(Part):
    """Records of a column that lie in none of its bins or categories: missing, or beyond the ends that are shown."""

    label: str
    real: Number
    synthetic: Number


class Marginal(Part):
    """One column: shares of all real (train) and all synthetic records, bin by bin."""

    column: str
    kind: str
    labels: list[str] = Field(description="A category or a bin each; categories with few real records are folded.")
    real: list[Number]
    synthetic: list[Number]
    edges: list[Number] | None = Field(default=None, description="Bin bounds of an ordered column, one more than bins.")
    edge_labels: list[str] | None = Field(default=None, description="The same for people: dates as dates.")
    rest: list[Rest] = Field(default=[])
    score: Figure
    floor: Figure
    gap: Gap | None = Field(default=None, description="Null in documents of older versions.")
    spikes: list[Spike] = Field(default=[], description="The most frequent first.")

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.labels) == len(self.real) == len(self.synthetic):
            raise ValueError("expected one label, one real and one synthetic share for each bin")
        if (self.edges is None) != (self.edge_labels is None):
            raise ValueError("expected bin bounds as numbers and as text, or neither")
        for bounds in (self.edges, self.edge_labels):
            if bounds is not None and len(bounds) != len(self.labels) + 1:
                raise ValueError("expected one bin bound more than there are bins")
        return self


class Trends(Part):
    """How columns go together, two by two. A cell that was not measured is null."""

    columns: list[str]
    left_out: int = Field(ge=0, description="How many columns of a wide table were not measured.")
    measure: str
    real: list[list[Number | None]]
    synthetic: list[list[Number | None]]
    holdout: list[list[Number | None]] | None = Field(default=None, description="What a real sample has.")

    @model_validator(mode="after")
    def _square(self) -> Self:
        for matrix in (self.real, self.synthetic, self.holdout or self.real):
            if len(matrix) != len(self.columns) or any(len(row) != len(self.columns) for row in matrix):
                raise ValueError("expected square matrices with a row for each column")
        return self


class UtilityRow(Part):
    """One metric of one model. Intervals are over test records."""

    model: str
    metric: str
    tstr: Figure = Field(description="Train on synthetic, test on real.")
    trtr: Figure = Field(description="Train on real, test on real.")
    trts: Figure | None = Field(default=None, description="Train on real, test on synthetic. Null in older documents.")


class FidelityPart(Part):
    """How far the synthetic table looks like the real one."""

    scores: list[Score]
    sdmetrics_version: str | None
    utility: list[UtilityRow]
    utility_note: str
    marginals: list[Marginal]
    trends: Trends | None
    trends_reason: str = Field(default="", description="Why there are no pair trends, where there are none.")
    records: int | None = Field(
        default=None, description="Of the synthetic table and of the holdout, on which distances were measured."
    )
    pairs: PairsPart | None = None
    missing: MissingPart | None = None
    projection: ProjectionPart | None = None
    roc: RocPart | None = None
    subgroups: SubgroupsPart | None = None
    histories: HistoriesPart | None = Field(
        default=None, description="Null where each record is of another person, and in older documents."
    )
    not_measured: dict[str, str] = Field(
        default={}, description="For each of the five parts before that is null: why. Empty in older documents."
    )
