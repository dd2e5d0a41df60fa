"""The parts of the document that answer the user's own questions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.report.base import Figure, Number, Part


class AskedAnswer(Part):
    """One number of both tables, and whether they agree."""

    group: str = Field(description="The category of the question's `by`; empty where it has none.")
    term: str = Field(description="What a coefficient of a regression belongs to; empty for other questions.")
    outcome: Literal["holds", "does_not_hold", "cannot_be_told", "not_answered"] = Field(
        description="Whether the interval of the difference lies within the tolerance, outside of it, or across its "
        "end; `not_answered` where there is no difference."
    )
    real: Figure = Field(
        description="Of train and holdout together, in steps of the noise of the difference; where "
        "`mix.reweighted`, of their records in the shares of the mix."
    )
    synthetic: Figure
    difference: Figure = Field(description="Synthetic minus real.")
    tolerance: Number | None = Field(description="How far the difference may lie from 0, in the answer's unit.")
    real_people: int | None = Field(
        description="How many people it stands on at least, a multiple of five; null where it was not answered."
    )
    synthetic_records: int | None
    at_least: int | None = Field(
        description="Real people, at least, behind each part of the answer, 5 or 20. The parts of a share are those "
        "with and those without the value."
    )


class AskedPart(Part):
    """One question that the job named, with an answer for each group and each coefficient."""

    question: str = Field(description="As it was asked.")
    function: Literal["mean", "share", "quantile", "corr", "regression"]
    by: list[str] = Field(
        max_length=1, description="The column whose categories the answers are on; empty where there is none."
    )
    unit: Literal["number", "share", "date"] = Field(
        description="Of the figures. A date is in days since 1970-01-01, its difference and tolerance in days."
    )
    tolerance: Number = Field(description="As it was asked for.")
    relative: bool = Field(description="Whether the tolerance is a share of the real answer.")
    answers: list[AskedAnswer]
    groups_left_out: int = Field(
        ge=0,
        description="Groups of fewer than 20 real people, and those kept back so that these cannot be worked out.",
    )
    groups_cut: int = Field(ge=0, description="Further groups, beyond the largest ones that are shown.")
