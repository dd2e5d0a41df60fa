"""The report document, `lookalike.report/1`: what each field means. docs/report.schema.json is generated from here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from app.report.asked_model import AskedPart
from app.report.audit_model import CriterionPart, FindingPart, QuestionPart
from app.report.base import Number, Part
from app.report.fidelity_model import FidelityPart
from app.report.mix_model import AugmentationPart, MixPart

Word = Literal["PASS", "REVIEW", "BLOCK", "INSUFFICIENT", "VOID"]


class Run(Part):
    """What the report is about."""

    job_id: str
    dataset_id: str
    dataset_name: str
    model_id: str | None = None
    created_at: str = Field(description="When the job was sent, as given by the service.")
    covers: str = Field(description="What the verdict is about, and what it is not about.")
    reading: list[str] = Field(
        default=[], description="How columns were read whose values are replaced, written in a form, or in doubt."
    )


class ModePart(Part):
    """The verdict on one way of releasing."""

    mode: Literal["file", "sampling", "model"]
    title: str
    verdict: Literal["PASS", "REVIEW", "BLOCK", "INSUFFICIENT", "VOID", "NOT_ASSESSED"]
    reasons: list[str] = Field(min_length=1)


class VerdictPart(Part):
    """What the policy says, and the words that must go with it."""

    verdict: Word
    meaning: str
    policy: str
    policy_version: str
    reasons: list[str] = Field(min_length=1)
    next_step: str = Field(description="What happens to the data now.")
    auto_release: bool
    four_eyes: bool
    statement: str
    differential_privacy: str
    modes: list[ModePart] = Field(
        default=[],
        description="One verdict for each way of releasing; that of the file is `verdict`. Empty in older decisions.",
    )


class RulePart(Part):
    """A rule between columns, and how often it is kept."""

    rule: str = Field(description="Such as `admitted <= discharged`.")
    origin: Literal["declared", "found", "proposed", "often", "expected"] = Field(
        description="`declared` by the user; `found` in the real table, and kept; `proposed`: found, but not kept by "
        "construction; `often`: two columns that are often the same; `expected` by the names of its columns, though "
        "the real table does not keep it."
    )
    built_in: bool = Field(description="Whether every generated record keeps it by construction.")
    real: Number | None = Field(
        description="Share of the real people whose every record keeps it; at least so many in a shareable report."
    )
    synthetic: Number | None = Field(description="Share of the synthetic people whose every record keeps it.")
    unknown: Number | None = Field(
        default=None, description="Share of the real records in which a cell that it needs is missing."
    )
    why: str = ""


class Curve(Part):
    """One line of the training curve."""

    name: str
    steps: list[int]
    values: list[Number]


class TrainingPart(Part):
    """How the generator was trained."""

    steps: int | None
    seconds: Number | None
    following_seconds: Number | None = Field(
        default=None,
        description="How much of them it took to learn how the records of a person follow one another; null where each "
        "person has one record.",
    )
    device: str
    records: int | None = Field(description="How many records were learnt.")
    parameters: int | None
    protection: str = Field(description="What was done for rare categories and extreme values.")
    stopped_because: str
    losses: list[Curve]
    metrics: list[Curve]
    warnings: list[str]


class Fact(Part):
    """One named fact of the run: a size, a hash, a version, an option."""

    name: str
    value: str


class Protocol(Part):
    """Everything needed to find the same run again."""

    sizes: list[Fact]
    split: list[Fact]
    hashes: list[Fact]
    versions: list[Fact]
    options: dict[str, JsonValue]
    columns: list[Fact]


class Report(Part):
    """The whole document."""

    format: Literal["lookalike.report/1"] = "lookalike.report/1"
    audience: Literal["internal", "shareable"] = Field(
        default="internal", description="`shareable`: made for whoever receives the file, without what discloses rows."
    )
    run: Run
    mix: MixPart | None = Field(
        default=None, description="Null where the table has the shares of the real one, and in older documents."
    )
    augmentation: AugmentationPart | None = Field(
        default=None, description="Null where no category was to have more records, and in older documents."
    )
    verdict: VerdictPart
    questions: list[QuestionPart] = Field(default=[], description="Empty in documents of older versions.")
    criteria: list[CriterionPart] = Field(default=[], description="Empty in documents of older versions.")
    findings: list[FindingPart]
    audit_notes: list[str]
    coverage: list[Fact] = Field(
        default=[], description="For each column what looked at it. Empty where the audit did not record it."
    )
    not_covered: list[str]
    rules: list[RulePart] = Field(
        default=[], description="Rules between columns. Empty where there are none, and in older documents."
    )
    fidelity: FidelityPart
    asked: list[AskedPart] = Field(
        default=[], description="The questions that the job named. Empty where it named none, and in older documents."
    )
    training: TrainingPart
    protocol: Protocol
