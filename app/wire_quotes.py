"""The body of a quote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from app.wire_fields import Body

MINUTE, MIB = 60.0, 2**20


class ColumnQuote(Body):
    """What becomes of one column."""

    name: str
    becomes: str
    loses: list[str] = Field(description="What of it will not come back; empty where nothing is known to be lost.")
    codes: int = Field(description="Its part of the encoded width; 0 for a column that is not learnt.")


class RuleQuote(Body):
    """A rule between columns, and whether it will be kept."""

    rule: str
    origin: Literal["declared", "found", "often", "proposed"] = Field(
        description="`declared` by the job; `found` in the table, and kept unless `without_rules` names it; `often`: "
        "two columns are often the same, and will be as often; `proposed`: found, but kept only if the job declares it."
    )
    share: float | None = Field(
        description="Share of the people whose every record keeps it, in steps of 20 people; 1 where fewer than ten "
        "break it, and null where fewer than 20 have all that it needs."
    )
    why: str


class Quote(Body):
    """What the training of a job will take, on this machine, and what will be lost."""

    records: int = Field(description="Records that are trained on.")
    columns: list[ColumnQuote]
    rules: list[RuleQuote]
    codes: int = Field(description="The encoded width: codes of all columns together.")
    steps: int
    minutes: float = Field(description="Of the training; attacks and report come on top.")
    minutes_without_limit: float = Field(description="The same without the limit of the time budget.")
    memory_mib: int = Field(description="Resident memory of the training at its peak, in MiB.")

    @staticmethod
    def of(found: Mapping[str, Any]) -> Quote:
        """From the fields of a forecast."""
        minutes, budget = found["seconds"] / MINUTE, found["budget_seconds"] / MINUTE
        return Quote(
            records=found["records"],
            columns=[ColumnQuote.model_validate(column) for column in found["columns"]],
            rules=[RuleQuote.model_validate(rule) for rule in found["rules"]],
            codes=found["codes"],
            steps=found["steps"],
            minutes=round(min(minutes, budget), 2),
            minutes_without_limit=round(minutes, 2),
            memory_mib=-(-found["bytes"] // MIB),
        )
