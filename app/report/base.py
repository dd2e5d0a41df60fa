"""What every part of the report document is made of."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """The root of all parts: frozen, no field unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Part):
    """A measured number, or why there is none. Never a zero or a blank in place of a measurement."""

    value: Number | None = None
    lower: Number | None = None
    upper: Number | None = Field(default=None, description="`lower` to `upper` is the two-sided 95 % interval.")
    reason: str = Field(default="", description="Why the number was not measured; empty where it was.")

    @model_validator(mode="after")
    def _number_or_reason(self) -> Self:
        if (self.value is None) != bool(self.reason):
            raise ValueError("expected a value or a reason for its absence, and never both")
        return self
