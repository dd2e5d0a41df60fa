"""The parts of the document that come from the audit: findings, planted leaks, reviewers' questions and criteria."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.report.base import Figure, Number, Part


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
