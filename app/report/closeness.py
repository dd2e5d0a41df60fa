"""How far columns, pairs and patterns are off: what the assessment measured, as parts of the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.report.base import Figure, Part
from app.report.closeness_model import (
    Gap,
    GroupPart,
    MissingPart,
    PairPart,
    PairsPart,
    Pattern,
    ProjectionPart,
    RocPart,
    Spike,
    SubgroupsPart,
)
from app.report.reading import figure, finite, listed, mapped

Json = Mapping[str, Any]
NameEdges = Callable[[str, Sequence[float]], list[str]]
"""The bounds of a column's bins for people: dates as dates."""
OTHER, MISSING = "(other)", "(missing)"
TOO_FEW = "too few records of this group"
NOT_ASSESSED = "this run has no such assessment"
PARTS = ("pairs", "missing", "projection", "roc", "subgroups")


def closeness_parts(fidelity: Json, facts: Json, name_edges: NameEdges) -> dict[str, Any]:
    """Those fields of `FidelityPart` that came after its first version."""
    close, detection = mapped(fidelity.get("closeness")), mapped(fidelity.get("detection"))
    whole = close.get("not_applicable")
    raw = {name: mapped(close.get(name)) for name in PARTS} | {"roc": detection}
    found: dict[str, Part | None] = {
        "pairs": _pairs(raw["pairs"], name_edges),
        "missing": _missing(raw["missing"]),
        "projection": _projection(raw["projection"]),
        "roc": _roc(detection),
        "subgroups": _subgroups(raw["subgroups"], facts, name_edges),
    }
    reasons = {
        name: str(raw[name].get("not_applicable") or whole or NOT_ASSESSED).rstrip(".")
        for name, part in found.items()
        if part is None
    }
    records = finite(close.get("records"))
    return {**found, "records": None if records is None else int(records), "not_measured": reasons}


def column_gap(fidelity: Json, name: str) -> Gap | None:
    """How far one column is off."""
    return _gap(mapped(mapped(mapped(fidelity.get("closeness")).get("columns")).get(name)))


def column_spikes(fidelity: Json, name: str, name_edges: NameEdges) -> list[Spike]:
    """The spikes of one column."""
    found = []
    for spike in map(mapped, listed(mapped(mapped(fidelity.get("closeness")).get("spikes")).get(name))):
        shares = [finite(spike.get(key)) for key in ("value", "real", "synthetic", "holdout")]
        value, real, synthetic, floor = shares
        if value is not None and real is not None and synthetic is not None and floor is not None:
            label = name_edges(name, [value])[0]
            found.append(Spike(label=label, real=real, synthetic=synthetic, floor=floor))
    return found


def _gap(part: Json) -> Gap | None:
    synthetic, floor = finite(part.get("synthetic")), finite(part.get("holdout"))
    return None if synthetic is None or floor is None else Gap(synthetic=synthetic, floor=floor)


def _pairs(part: Json, name_edges: NameEdges) -> PairsPart | None:
    mean = _gap(mapped(part.get("mean")))
    if mean is None:
        return None
    worst = [_pair(pair, name_edges) for pair in map(mapped, listed(part.get("worst")))]
    return PairsPart(
        worst=[pair for pair in worst if pair is not None],
        compared=int(finite(part.get("compared")) or 0),
        left_out=int(finite(part.get("left_out")) or 0),
        mean=mean,
    )


def _pair(pair: Json, name_edges: NameEdges) -> PairPart | None:
    gap, columns = _gap(mapped(pair.get("gap"))), [str(name) for name in listed(pair.get("columns"))]
    if gap is None or len(columns) != 2:
        return None
    levels = [
        [*_level_labels(mapped(each), name, name_edges), OTHER, MISSING]
        for name, each in zip(columns, listed(pair.get("levels")), strict=True)
    ]
    real, synthetic = _grid(pair.get("real")), _grid(pair.get("synthetic"))
    rows = [i for i in range(len(levels[0])) if any(_used(grid[i]) for grid in (real, synthetic))]
    kept = [j for j in range(len(levels[1])) if any(_used([row[j] for row in grid]) for grid in (real, synthetic))]
    return PairPart(
        first=columns[0],
        second=columns[1],
        rows=[levels[0][i] for i in rows],
        columns=[levels[1][j] for j in kept],
        real=[[real[i][j] for j in kept] for i in rows],
        synthetic=[[synthetic[i][j] for j in kept] for i in rows],
        gap=gap,
    )


def _used(cells: Sequence[float | None]) -> bool:
    """Whether anybody has this level, or whether that is withheld."""
    return any(cell is None or cell > 0 for cell in cells)


def _level_labels(levels: Json, column: str, name_edges: NameEdges) -> list[str]:
    """The named levels of a column."""
    edges = [edge for edge in map(finite, listed(levels.get("edges"))) if edge is not None]
    if not edges:
        return [str(label) for label in listed(levels.get("labels"))]
    bounds = name_edges(column, edges)
    if len(bounds) == 2:
        return ["all values"]
    middle = [f"{low} to {high}" for low, high in pairwise(bounds[1:-1])]
    return [f"below {bounds[1]}", *middle, f"from {bounds[-2]}"]


def _grid(rows: object) -> list[list[float | None]]:
    return [[finite(cell) for cell in listed(row)] for row in listed(rows)]


def _missing(part: Json) -> MissingPart | None:
    gap = _gap(mapped(part.get("gap")))
    if gap is None:
        return None
    return MissingPart(
        patterns=[
            Pattern(
                columns=[str(name) for name in listed(pattern.get("columns"))],
                others=pattern.get("columns") is None,
                real=finite(pattern.get("real")) or 0.0,
                synthetic=finite(pattern.get("synthetic")) or 0.0,
            )
            for pattern in map(mapped, listed(part.get("patterns")))
        ],
        gap=gap,
    )


def _projection(part: Json) -> ProjectionPart | None:
    gap = _gap(mapped(part.get("gap")))
    if gap is None:
        return None
    return ProjectionPart(
        fitted_on="holdout",
        explained=[share for share in map(finite, listed(part.get("explained"))) if share is not None],
        records=int(finite(part.get("records")) or 0),
        real=_grid(part.get("real")),
        synthetic=_grid(part.get("synthetic")),
        gap=gap,
        left_out=int(finite(part.get("left_out")) or 0),
    )


def _roc(detection: Json) -> RocPart | None:
    curve = _shares(detection.get("roc"))
    if len(curve) < 2:
        return None
    floor = mapped(detection.get("floor"))
    return RocPart(
        model="gradient boosting",
        records=int(finite(detection.get("records")) or 0),
        false_positives=[round(i / (len(curve) - 1), 6) for i in range(len(curve))],
        synthetic=curve,
        floor=_shares(floor.get("roc")) or None,
        auc=_interval(detection, "auc", reason="no AUC was given"),
        floor_auc=floor_auc(detection),
    )


def floor_auc(detection: Json) -> Figure:
    """The AUC of the same test on real records."""
    return _interval(mapped(detection.get("floor")), "auc", reason="the test was not made of real records")


def _shares(values: object) -> list[float]:
    return [round(share, 5) for share in map(finite, listed(values)) if share is not None]


def _interval(part: Json, key: str = "value", *, reason: str) -> Figure:
    return figure(part.get(key), lower=part.get("lower"), upper=part.get("upper"), reason=reason)


def measure(part: Json, name: str, *, reason: str) -> Figure:
    """A score with its interval, by its name."""
    return _interval(mapped(part.get(name)), reason=reason)


def _subgroups(part: Json, facts: Json, name_edges: NameEdges) -> SubgroupsPart | None:
    groups = [mapped(group) for group in listed(part.get("groups"))]
    if not groups:
        return None
    column = str(part.get("column"))
    labels = _level_labels(mapped(part.get("levels")), column, name_edges)
    found = [_group(group, labels) for group in groups]
    return SubgroupsPart(
        column=column,
        why=_why(column, facts),
        groups=[group for group in found if group is not None],
        left_out=int(finite(part.get("left_out")) or 0),
    )


def _why(column: str, facts: Json) -> str:
    secrets = listed(mapped(facts.get("options")).get("secrets"))
    if column in map(str, secrets[:1]):
        return "the first column that the job names as a secret"
    return "the target"


def _group(group: Json, labels: Sequence[str]) -> GroupPart | None:
    gap, worst, level = _gap(mapped(group.get("gap"))), _gap(mapped(group.get("worst_gap"))), finite(group.get("level"))
    if gap is None or worst is None or level is None or int(level) >= len(labels):
        return None
    return GroupPart(
        label=labels[int(level)],
        real=finite(group.get("real")) or 0.0,
        synthetic=finite(group.get("synthetic")) or 0.0,
        gap=gap,
        worst=str(group.get("worst")),
        worst_gap=worst,
        auc=measure(group, "auc", reason=TOO_FEW),
        auc_floor=measure(group, "auc_floor", reason=TOO_FEW),
        tstr=measure(group, "right_tstr", reason="no classifier predicted this group"),
        trtr=measure(group, "right_trtr", reason="no classifier predicted this group"),
    )
