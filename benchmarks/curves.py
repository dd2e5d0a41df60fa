"""Quality against time, as `peers.py` keeps it: what the pictures show and the page says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

OURS = "lookalike"
NAMES = {OURS: "Lookalike", "ctgan": "ctgan", "mostlyai": "MOSTLY AI engine"}
ASKED = {"ctgan": 1 / 100, "mostlyai": 1 / 3}
"""The share of a peer's time in which we want to be better in every column."""
DCR_NOISE = 1.96 * sqrt(2 * 0.25 / 5_000)
"""Two DCR shares of 5,000 records each differ by less than this in 95 of 100 cases where both are one half."""
MIA_NOISE = 1.96 * sqrt(2 * (1 / 12) * (2 / 2_500))
"""The same of two AUCs over 2,500 records a side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A generator after some seconds of training, scored."""

    done: str
    """How far the training was, in words"""
    final: bool
    """Whether the training was over"""
    budget_s: float | None
    """CPU seconds after which the training was asked to end, if any"""
    seed: int
    cpu_s: float
    wall_s: float
    score: Mapping[str, float]

    @property
    def shape_error(self) -> float:
        return 100 * (1 - self.score["shapes"])

    @property
    def trend_error(self) -> float:
        return 100 * (1 - self.score["trends"])

    @property
    def c2st(self) -> float:
        return self.score["c2st_auc"]

    @property
    def tstr(self) -> float:
        return self.score["tstr_auc"]

    @property
    def dcr(self) -> float:
        return self.score["dcr_share_train"]

    @property
    def mia(self) -> float:
        return self.score["mia_dist_auc"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """What one generator did on one table."""

    generator: str
    document: Mapping[str, Any]
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        return NAMES[self.generator]

    @property
    def last(self) -> tuple[Point, ...]:
        """The points at the end, one a seed; where no training came to its end, the last one there is."""
        ends = [point for point in self.points if point.final and point.budget_s is None]
        return tuple(ends) or self.points[-1:]

    def stages(self) -> list[tuple[Point, ...]]:
        """The points by the time they took; seeds that are at the same stage are together."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            stage = str(point.budget_s) if self.generator == OURS else point.done
            found.setdefault(stage, []).append(point)
        return sorted((tuple(points) for points in found.values()), key=seconds)


def seconds(points: Iterable[Point]) -> float:
    return fmean(point.cpu_s for point in points)


def load(folder: Path, table: str) -> dict[str, Results]:
    """The results of a table, ours first."""
    found = {}
    for generator in NAMES:
        file = folder / f"{table}.{generator}.json"
        if file.exists():
            document = json.loads(file.read_text(encoding="utf-8"))
            points = tuple(
                Point(budget_s=run["budget_s"], seed=run["seed"], **{k: v for k, v in point.items() if k != "table"})
                for run in document["runs"]
                for point in run["points"]
            )
            found[generator] = Results(generator=generator, document=document, points=points)
    return found


def better(ours: Point, peer: Point) -> bool:
    """Better in every column of quality, and in those of privacy not worse by more than noise."""
    return (
        ours.shape_error < peer.shape_error
        and ours.trend_error < peer.trend_error
        and ours.c2st < peer.c2st
        and ours.tstr > peer.tstr
        and ours.dcr < peer.dcr + DCR_NOISE
        and ours.mia < peer.mia + MIA_NOISE
    )


def overtaken(ours: Results, peer: Results) -> tuple[Point, ...] | None:
    """Our earliest stage that with every seed is better than the peer's end with any of its seeds."""
    for stage in ours.stages():
        if all(better(mine, other) for mine in stage for other in peer.last):
            return stage
    return None
