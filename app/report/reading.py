"""Reading what other stages published, where a part may be missing: nothing missing becomes a zero or a blank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.report.base import Figure
from app.report.units import NOT_MEASURED

NOT_GIVEN = "not given"


def mapped(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> Sequence[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def text(value: object) -> str:
    """The value as text; `not given` where there is none."""
    if value is None or value == "":
        return NOT_GIVEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def finite(value: object) -> float | None:
    """The value as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def figure(value: object, *, lower: object = None, upper: object = None, reason: str = "") -> Figure:
    """A measured number with its interval, or the reason why there is none."""
    number = finite(value)
    if number is None:
        gone = "the figure is not a finite number" if isinstance(value, float) else "no reason was given"
        return Figure(reason=reason or gone)
    return Figure(value=number, lower=finite(lower), upper=finite(upper))


def absent(reason: object) -> Figure:
    """A figure that was not measured, and why."""
    return Figure(reason=str(reason) if reason else f"{NOT_MEASURED}, and no reason was given")
