"""The parts of the document that say what mix the table was made to, and what more of a rare class brings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.report.base import Figure, Number, Part


class MixShare(Part):
    """One value, or combination of values, that a share was asked for."""

    columns: list[str]
    values: list[str] = Field(description="As they were asked for, in the order of the columns.")
    asked: Number
    real: Number | None = Field(
        default=None, description="Of train, of the records that meet the job's conditions; null where it is not told."
    )
    synthetic: Number


class MixPart(Part):
    """What share of the records was asked to have which values: there the table is unlike the real one by design."""

    kind: Literal["mix", "augment"]
    shares: list[MixShare]
    reweighted: bool = Field(
        description="Whether fidelity was measured against real records in the same shares; else against all."
    )
    train: int | None = Field(description="Real records of train that fidelity was measured against.")
    holdout: int | None


class AugmentationRow(Part):
    """One score of one model, tested on real records of the holdout in the shares that they have."""

    model: str
    metric: Literal["auc", "average_precision", "f1"] = Field(description="Of the category against all others.")
    real: Figure = Field(description="Trained on the real records of train.")
    synthetic: Figure = Field(description="Trained on the synthetic table.")
    both: Figure = Field(description="Trained on train and `added` synthetic records of the category.")
    oversampled: Figure = Field(description="Trained on train with `added` records of the category repeated.")
    smote: Figure = Field(description="Trained on train and `added` records that SMOTE makes (Chawla et al. 2002).")
    gain: Figure = Field(description="`both` minus `real`, with the interval of the difference.")
    outcome: Literal["gain", "loss", "cannot_be_told", "not_measured"]


class AugmentationPart(Part):
    """What more records of a rare category bring to models that predict the column."""

    column: list[str] = Field(max_length=1, description="The column whose category it is.")
    value: str = Field(description="As it was asked for.")
    asked: Number = Field(description="The share that the category was to have.")
    real: Number | None = Field(description="The share that it has in train, as in `mix`.")
    added: int | None = Field(description="Records of the category that each of the three puts to the real ones.")
    reached: Number | None = Field(
        default=None, description="The share that the category then has among records with a value in the column."
    )
    holdout: int | None = Field(description="Real records of the category that models were tested on.")
    rows: list[AugmentationRow]
    reason: str = Field(default="", description="Why nothing was measured; empty where it was.")
