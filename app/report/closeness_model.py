"""The parts of the document that say how far columns, pairs and patterns are off, each beside a real sample."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from app.report.base import Figure, Number, Part

Grid = list[list[Number | None]]


class Gap(Part):
    """A total variation distance from the real table: the share of records that would have to move."""

    synthetic: Number
    floor: Number = Field(description="The same of as many holdout records: what a real sample of this size reaches.")


class Spike(Part):
    """One value of a column of numbers or dates that very many records share."""

    label: str
    real: Number
    synthetic: Number
    floor: Number = Field(description="Its share of the holdout.")


class Kept(Part):
    """In which share of people, or of pairs of records, something holds."""

    column: str
    real: Number
    synthetic: Number


class Followed(Part):
    """How a column of one record follows that of the record before."""

    column: str
    gap: Gap = Field(description="Of the pairs of values of consecutive records.")


class HistoriesPart(Part):
    """People with several records. Synthetic people and those of train are held against those of the holdout."""

    records_real: Number = Field(
        description="The mean number of records of a person of train, at most so many as 5 people have."
    )
    records_synthetic: Number
    records: Gap = Field(description="Wasserstein distance of the numbers of records, in records.")
    constant: list[Kept] = Field(
        description="Columns that stay as they are for a person: the share of people with several records for whom."
    )
    ascends: Kept | None = Field(
        description="The column that orders records: the share of pairs of consecutive ones in which it does not fall."
    )
    gaps: Gap | None = Field(description="Of the gaps between consecutive values of that column.")
    transitions: list[Followed] = Field(description="Columns that change, the one farthest off first.")
    detection: Gap = Field(description="AUC of a classifier that tells people apart by what sums them up.")


class PairPart(Part):
    """The joint distribution of two columns, one row for each level of the first."""

    first: str
    second: str
    rows: list[str] = Field(description="Levels of the first column.")
    columns: list[str] = Field(description="Levels of the second column.")
    real: Grid = Field(description="Shares of records; null where fewer than five people, or to cover such a cell.")
    synthetic: Grid
    gap: Gap

    @model_validator(mode="after")
    def _of_its_levels(self) -> Self:
        for grid in (self.real, self.synthetic):
            if len(grid) != len(self.rows) or any(len(row) != len(self.columns) for row in grid):
                raise ValueError(
                    "expected one row for each level of the first column and one cell for each of the second"
                )
        return self


class PairsPart(Part):
    """The pairs of columns that are farthest off, worst first."""

    worst: list[PairPart]
    compared: int = Field(description="How many pairs were compared.")
    left_out: int = Field(ge=0, description="How many columns of a wide table were not compared.")
    mean: Gap = Field(description="The mean over all pairs that were compared.")


class Pattern(Part):
    """The share of records that miss exactly these columns."""

    columns: list[str] = Field(description="Empty where nothing is missing.")
    others: bool = Field(default=False, description="Whether it stands for all rarer patterns together.")
    real: Number
    synthetic: Number


class MissingPart(Part):
    """Which cells are missing together."""

    patterns: list[Pattern]
    gap: Gap


class ProjectionPart(Part):
    """Shares of records per cell of a grid over the first two principal components of the coded records."""

    fitted_on: str
    explained: list[Number] = Field(description="Share of the variance that each of the two components explains.")
    records: int = Field(description="Of each table.")
    real: Grid = Field(description="Rows from the top; null where fewer than five people are.")
    synthetic: Grid
    gap: Gap
    left_out: int = Field(default=0, ge=0, description="How many columns of a wide table are not in it.")

    @model_validator(mode="after")
    def _same_shape(self) -> Self:
        sizes = {len(row) for grid in (self.real, self.synthetic) for row in grid} or {0}
        if len(sizes) != 1 or len(self.real) != len(self.synthetic) or len(self.explained) != 2:
            raise ValueError("expected two grids of one shape, and two components")
        return self


class RocPart(Part):
    """The ROC curve of the detection test, and that of the same test on real records."""

    model: str
    records: int = Field(description="Per side.")
    false_positives: list[Number] = Field(description="Share of holdout records taken for others.")
    synthetic: list[Number] = Field(description="Share of synthetic records found, for each share above.")
    floor: list[Number] | None = Field(
        description="Share of train records told from holdout records; null if not measured."
    )
    auc: Figure
    floor_auc: Figure

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        for curve in (self.synthetic, self.floor):
            if curve is not None and len(curve) != len(self.false_positives):
                raise ValueError("expected one share found for each share of false positives")
        return self


class GroupPart(Part):
    """The records of one category, or of one bin."""

    label: str
    real: Number
    synthetic: Number
    gap: Gap = Field(description="The mean over all other columns.")
    worst: str = Field(description="The column that is farthest off among these records.")
    worst_gap: Gap
    auc: Figure = Field(description="C2ST among these records, by the classifier of all.")
    auc_floor: Figure
    tstr: Figure = Field(
        description="Share of the group's holdout records predicted right; trained on synthetic records."
    )
    trtr: Figure = Field(description="The same, trained on real records.")


class SubgroupsPart(Part):
    """The figures by category of one column."""

    column: str
    why: str = Field(description="Why this column.")
    groups: list[GroupPart]
    left_out: int = Field(ge=0, description="Categories with too few records.")
