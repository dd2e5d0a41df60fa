"""The training curve and why a training ended, and both as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from synth.encode.base import count_of, flag_of, floats_of, list_of
from synth.errors import ArtifactError


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """One point of the training curve."""

    step: int
    losses: Mapping[str, float]
    one_way: float
    """Mean total variation distance of the one-way tables from those of the records measured against, in [0, 1].

    These are the training records, or the validation records where the settings keep some out of training.
    """
    two_way: float
    """The same of two-way tables."""
    nearer_train: float | None = None
    """Share of generated records that lie nearer to training records than to validation records, one half at best."""
    memorised: bool = False
    """Whether that share lies above one half by more than chance."""
    collapsed: tuple[int, ...] = ()
    """Learnt columns that show far less variety than in the table."""


class Ending(StrEnum):
    """Why a training ended."""

    STEPS = "all steps were done"
    CONVERGED = "the critic gained no more"  # in files of earlier versions only
    TIME = "the time budget was used up"
    MEMORISED = "records were being learnt by heart"


def seconds_of(state: Mapping[str, Any]) -> float:
    """The wall time in `state`. Raises ArtifactError where it is no number of 0 or more."""
    (seconds,) = floats_of({"seconds": [state.get("seconds")]}, "seconds")
    if seconds < 0:
        raise ArtifactError("seconds: expected 0 or more")
    return seconds


def curve_to_json(curve: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """The training curve as JSON values."""
    return [asdict(point) for point in curve]


def curve_from_json(state: Mapping[str, Any]) -> list[CurvePoint]:
    """The curve in `state`. Raises ArtifactError where it is malformed."""
    return [_point(p) for p in list_of(state, "curve")]


def _point(values: Mapping[str, Any]) -> CurvePoint:
    losses = values.get("losses")
    if not isinstance(losses, dict):
        raise ArtifactError("losses: expected an object")
    nearer = values.get("nearer_train")
    numbers = [*losses.values(), values.get("one_way"), values.get("two_way"), *([] if nearer is None else [nearer])]
    if not all(isinstance(v, (int, float)) and abs(v) < math.inf for v in numbers):
        raise ArtifactError("curve: expected finite numbers only")
    collapsed = values.get("collapsed")
    if not isinstance(collapsed, list) or not all(isinstance(c, int) for c in collapsed):
        raise ArtifactError("collapsed: expected a list of columns")
    return CurvePoint(
        step=count_of(values, "step"),
        losses={str(k): float(v) for k, v in losses.items()},
        one_way=float(values["one_way"]),
        two_way=float(values["two_way"]),
        nearer_train=None if nearer is None else float(nearer),
        memorised=flag_of(values, "memorised"),
        collapsed=tuple(collapsed),
    )
