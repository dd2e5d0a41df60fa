"""Conditions as a request says them, and as the generator reads them."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from synth.table.ranges import AnyOf, Presence, Range, moment_of
from synth.table.ranges import Condition as Asked


def _end(value: object) -> object:
    """An end of a range as it came. Raises PydanticCustomError where it is no finite number and no moment."""
    if isinstance(value, str):
        if moment_of(value, last=False) is None:
            raise PydanticCustomError("range_end", "expected an ISO 8601 date, or a datetime without a time zone")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise PydanticCustomError("range_end", "expected a finite number, or a date or datetime as ISO 8601 text")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


End = Annotated[
    int | float | str,
    BeforeValidator(_end),
    Field(description="A number, or for datetimes an ISO 8601 date or a datetime without a time zone."),
]


_RangeEnds = TypedDict("_RangeEnds", {"from": End, "to": End}, total=False)  # `from` is a keyword of the language


@with_config(ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1}))
class RangeCondition(_RangeEnds, total=False):
    """Values of a numerical or datetime column from `from` to `to`, both included. One of the two is named at least,
    the other end is open where it is left out. A date without a time as `to` takes in its whole day. A missing value
    lies in no range.
    """


def _range(ends: RangeCondition) -> RangeCondition:
    """The range. Raises PydanticCustomError where it has no end, ends of two kinds, or ends the wrong way round."""
    if not ends:
        raise PydanticCustomError("range_open", "expected a range with 'from', 'to' or both, got neither")
    low, high = ends.get("from"), ends.get("to")
    if low is None or high is None:
        return ends
    if isinstance(low, str) != isinstance(high, str):
        raise PydanticCustomError("range_kinds", "expected two numbers, or two dates or datetimes, got one of each")
    if _is_after(low, high):
        raise PydanticCustomError("range_order", "expected a 'from' that is not after 'to', got one that is")
    return ends


def _is_after(low: float | str, high: float | str) -> bool:
    if isinstance(low, str) or isinstance(high, str):
        first, last = moment_of(low, last=False), moment_of(high, last=True)
        return first is not None and last is not None and first > last
    return low > high


@with_config(ConfigDict(extra="forbid"))
class PresenceCondition(TypedDict):
    """Whether a column's value is missing in every record, or in none."""

    missing: bool


_PRESENCE: TypeAdapter[PresenceCondition] = TypeAdapter(PresenceCondition)
_ANY_OF: TypeAdapter[list[str]] = TypeAdapter(Annotated[list[str], Field(min_length=1, max_length=1_000)])
_RANGE: TypeAdapter[RangeCondition] = TypeAdapter(Annotated[RangeCondition, AfterValidator(_range)])


def _condition(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """A condition; a problem names the field as it stands in the request, not the form that was tried."""
    if isinstance(value, str):
        return handler(value)
    if isinstance(value, list):
        return _ANY_OF.validate_python(value, strict=True)
    if isinstance(value, dict) and "missing" in value:
        return _PRESENCE.validate_python(value, strict=True)
    if isinstance(value, dict):
        return _RANGE.validate_python(value)
    raise PydanticCustomError(
        "condition",
        "expected text in quotes (a category, a number or a date), a list of such, a range with 'from', 'to' or both, "
        "or 'missing' with true or false",
    )


Condition = Annotated[str | list[str] | RangeCondition | PresenceCondition, WrapValidator(_condition)]


Conditions = Annotated[
    dict[str, Condition],
    Field(
        description="By column a category, a list of categories, a range, or whether a value is missing: every "
        "synthetic record has the category, or one of the list, lies in the range with both ends included, and misses "
        "the value or has one; the rest follows.",
        examples=[
            {"sex": "Female", "age": {"from": 30, "to": 40}, "city": ["Ulm", "Jena"], "income": {"missing": False}}
        ],
    ),
]


def asked_of(wanted: object) -> Asked:
    """A condition of a request as the generator reads it."""
    if isinstance(wanted, list):
        return AnyOf(tuple(wanted))
    if isinstance(wanted, dict):
        if "missing" in wanted:
            return Presence.MISSING if wanted["missing"] else Presence.PRESENT
        return Range(wanted.get("from"), wanted.get("to"))
    return str(wanted)


def said_of(wanted: Asked) -> object:
    """The same as a request says it."""
    if isinstance(wanted, AnyOf):
        return list(wanted.values)
    if isinstance(wanted, Presence):
        return {"missing": wanted is Presence.MISSING}
    return {"from": wanted.low, "to": wanted.high} if isinstance(wanted, Range) else wanted
