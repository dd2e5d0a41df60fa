"""The findings as rows of tables: each figure in its unit, where its interval lies, what it made of planted leaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from app.report.audit_model import FindingPart, Trial
from app.report.gauge import Measured, gauge
from app.report.units import NOT_MEASURED, in_unit
from app.report.wording import FRESH, attack_title, statistic_title

LONG_NOTE = 40
"""Characters. A longer note is not said twice in a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where the interval of a finding lies, in words and in a colour."""

    css: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingRow:
    """One finding as a row of the table."""

    finding: FindingPart
    label: str
    note: str
    value: str
    interval: str
    baseline: str
    limit: str
    detectable: str
    position: Position
    control: str
    measured: Measured | None
    """What can be drawn of it."""

    @property
    def drawing(self) -> Markup:
        """Its interval, drawn small."""
        return Markup() if self.measured is None else gauge(self.measured)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The findings of one attack by one kind of attacker."""

    title: str
    threat: str
    rows: list[FindingRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantCell:
    """What one statistic made of one plant."""

    css: str
    name: str
    """Of the plant, with an asterisk where it is as large as the limit."""
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantRow:
    """What one statistic made of the leaks that were planted for it, the smallest first, and of fresh records."""

    title: str
    caught: list[PlantCell]
    missed: list[PlantCell]
    fresh: PlantCell | None
    is_false_alarm: bool


def groups(findings: Iterable[FindingPart]) -> list[Group]:
    """The findings by attack and by what the attacker holds, in the order of the document."""
    by_threat: dict[tuple[str, str], list[FindingPart]] = {}
    for finding in findings:
        by_threat.setdefault((finding.attack, finding.threat), []).append(finding)
    return [
        Group(title=attack_title(attack), threat=threat, rows=_told_once([_row(each) for each in some]))
        for (attack, threat), some in by_threat.items()
    ]


def _told_once(rows: Sequence[FindingRow]) -> list[FindingRow]:
    """The rows, in which a long note that the row before has as well is not said again."""
    notes = ["", *(row.note for row in rows)]
    return [
        replace(row, note="As above.") if row.note == before and len(row.note) > LONG_NOTE else row
        for before, row in zip(notes, rows, strict=False)
    ]


def _row(finding: FindingPart) -> FindingRow:
    figure = finding.figure
    has_interval = figure.lower is not None and figure.upper is not None
    ends = (in_unit(figure.lower, finding.unit), in_unit(figure.upper, finding.unit))
    states = {"caught": "caught", "missed": "not caught", "not_measured": NOT_MEASURED}
    return FindingRow(
        finding=finding,
        label=statistic_title(finding.statistic),
        note=finding.note or figure.reason,
        value=in_unit(figure.value, finding.unit),
        interval=f"{ends[0]} to {ends[1]}" if has_interval else "",
        baseline=in_unit(finding.baseline, finding.unit),
        limit="none" if finding.limit is None else in_unit(finding.limit, finding.unit),
        detectable=in_unit(finding.minimum_detectable.value, finding.unit),
        position=_position(finding),
        control="none" if not finding.control.plant else states[finding.control.state],
        measured=drawn(finding),
    )


def drawn(finding: FindingPart) -> Measured | None:
    """The finding as it is drawn; None where it has no interval, no baseline or no limit."""
    figure = finding.figure
    if figure.value is None or finding.baseline is None or finding.limit is None:
        return None
    if figure.lower is None or figure.upper is None:
        return None
    return Measured(
        title=finding.title,
        unit=finding.unit,
        value=figure.value,
        lower=figure.lower,
        upper=figure.upper,
        baseline=finding.baseline,
        limit=finding.limit,
        block=finding.block_limit if finding.block_limit != finding.limit else None,
    )


def titles(findings: Iterable[FindingPart]) -> dict[str, str]:
    """What a person calls each finding, by its key."""
    return {finding.key: finding.title for finding in findings}


def _position(finding: FindingPart) -> Position:
    figure = finding.figure
    if figure.value is None:
        return Position(css="shown", text="failed" if finding.status == "failed" else NOT_MEASURED)
    if not finding.gating:
        return Position(css="shown", text="sanity check")
    if finding.limit is None:
        return Position(css="shown", text="no limit in this policy")
    if figure.upper is not None and figure.upper <= finding.limit:
        return Position(css="below", text="below limit")
    block = finding.block_limit  # none where no leak of this kind blocks by itself
    if block is not None and figure.lower is not None and figure.lower > block:
        return Position(css="above", text="above limit")
    return Position(css="across", text="across limit")


def plants(findings: Sequence[FindingPart]) -> list[PlantRow]:
    """What each statistic made of each leak that was planted for it."""
    return [_plants(finding) for finding in findings if finding.trials]


def _plants(finding: FindingPart) -> PlantRow:
    planted = [trial for trial in finding.trials if trial.plant != FRESH]
    fresh = next((trial for trial in finding.trials if trial.plant == FRESH), None)
    return PlantRow(
        title=finding.title,
        caught=[_cell(finding, trial) for trial in planted if trial.caught],
        missed=[_cell(finding, trial) for trial in planted if not trial.caught],
        fresh=None if fresh is None else _cell(finding, fresh),
        is_false_alarm=fresh is not None and fresh.caught,
    )


def _cell(finding: FindingPart, trial: Trial) -> PlantCell:
    is_own = trial.plant == finding.control.plant
    return PlantCell(
        css="alarm" if is_own and not trial.caught else "hit" if trial.caught else "quiet",
        name=f"{trial.title}{'*' if is_own else ''}",
        value=in_unit(trial.value, finding.unit),
    )
