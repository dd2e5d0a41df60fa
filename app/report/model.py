"""The report document, `lookalike.report/1`: what each field means. docs/report.schema.json is generated from here."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

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
from app.report.mix_model import AugmentationPart, MixPart

__all__ = ["Figure", "Number", "Part"]
"""What stands in `base` and belongs to the document as well."""

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


class Trial(Part):
    """What one statistic made of a leak that was planted into this very table."""

    plant: str
    title: str
    caught: bool
    value: Number
    lower: Number


class Control(Part):
    """Whether the limit would have stopped a leak of its own size, planted into this table."""

    plant: str = Field(description="Empty where the attack has none.")
    state: Literal["caught", "missed", "not_measured"]
    note: str = ""


class FindingPart(Part):
    """One statistic of one attack."""

    key: str
    attack: str
    statistic: str
    title: str
    unit: Literal["share", "number"] = Field(description="A share is shown in per cent.")
    status: Literal["measured", "not_applicable", "failed"]
    figure: Figure
    baseline: Number | None = Field(default=None, description="The statistic of a table that leaks nothing.")
    minimum_detectable: Figure
    n: int | None = Field(
        ge=0, description="How many records the statistic rests on; null in a shareable report where fewer than 20."
    )
    limit: Number | None = Field(default=None, description="The upper bound must not exceed it for PASS.")
    block_limit: Number | None = Field(default=None, description="A lower bound above it means BLOCK.")
    gate: str = Field(description="The gate of the policy that limits it; empty where none does.")
    limit_title: str = Field(default="", description="What that limit is on; empty where there is none.")
    decides: bool = Field(
        default=False,
        description="Whether its upper bound decides on this table; else it is too coarse, or has no limit.",
    )
    gating: bool
    threat: str
    control: Control
    trials: list[Trial] = Field(default=[])
    smallest_share_stopped: str = Field(
        default="",
        description="The smallest leak planted into this table that would have exceeded the limit; empty if none.",
    )
    note: str = ""
    details: dict[str, Number] = Field(default={})


class QuestionPart(Part):
    """One question of a reviewer, answered from the rulings of the policy."""

    key: str
    question: str
    mark: Literal[
        "PASS", "IN_PART", "REVIEW", "BLOCK", "INSUFFICIENT", "VOID", "NOT_MEASURED", "NOT_RECORDED", "NOTE"
    ] = Field(
        description="The worst of the marks is the verdict. IN_PART is a PASS with limits on which nothing decides. "
        "NOT_MEASURED and NOT_RECORDED say nothing good."
    )
    sentence: str
    deciding: str = Field(description="The key of the finding that comes nearest to its limit; empty where none does.")
    findings: list[str] = Field(description="Keys of the findings that belong to this question.")
    reasons: list[str] = Field(description="What the policy said about them, word for word.")


class CriterionPart(Part):
    """One criterion of a regulator, and what this document has on it. Whether it is met is never said."""

    key: str
    source: str
    criterion: str
    test: str = Field(description="What in this audit speaks to it.")
    perspective: str = Field(description="Which recipient is assumed, and what they are taken to hold.")
    evidence: list[str] = Field(description="Keys of the findings of this document that were measured for it.")
    measured: str
    not_covered: str


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
