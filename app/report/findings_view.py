"""The findings as rows of tables: each figure in its unit, where its interval lies, what it made of planted leaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report.gauge import Measured, gauge
from app.report.model import FindingPart
from app.report.units import NOT_MEASURED, in_unit
from app.report.wording import FRESH, attack_title, statistic_title


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
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
    mark: Mark
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
    text: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantRow:
    """What one statistic made of each plant."""

    title: str
    cells: list[PlantCell]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plants:
    """The table of planted leaks."""

    names: list[str]
    rows: list[PlantRow]


def groups(findings: Iterable[FindingPart]) -> list[Group]:
    """The findings by attack and by what the attacker holds, in the order of the document."""
    by_threat: dict[tuple[str, str], list[FindingPart]] = {}
    for finding in findings:
        by_threat.setdefault((finding.attack, finding.threat), []).append(finding)
    return [
        Group(title=attack_title(attack), threat=threat, rows=[_row(each) for each in some])
        for (attack, threat), some in by_threat.items()
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
        mark=_mark(finding),
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


def _mark(finding: FindingPart) -> Mark:
    figure = finding.figure
    if figure.value is None:
        return Mark(css="shown", text="failed" if finding.status == "failed" else NOT_MEASURED)
    if not finding.gating:
        return Mark(css="shown", text="sanity check")
    if finding.limit is None:
        return Mark(css="shown", text="no limit in this policy")
    if figure.upper is not None and figure.upper <= finding.limit:
        return Mark(css="below", text="below limit")
    block = finding.block_limit  # none where no leak of this kind blocks by itself
    if block is not None and figure.lower is not None and figure.lower > block:
        return Mark(css="above", text="above limit")
    return Mark(css="across", text="across limit")


def plants(findings: Sequence[FindingPart]) -> Plants:
    """What each statistic made of each planted leak."""
    titles = {trial.plant: trial.title for finding in findings for trial in finding.trials}
    rows = [
        PlantRow(title=finding.title, cells=[_cell(finding, plant) for plant in titles])
        for finding in findings
        if finding.trials
    ]
    return Plants(names=list(titles.values()), rows=rows)


def _cell(finding: FindingPart, plant: str) -> PlantCell:
    trial = next((trial for trial in finding.trials if trial.plant == plant), None)
    if trial is None:
        return PlantCell(css="absent", text=NOT_MEASURED, value="")
    value, own = in_unit(trial.value, finding.unit), "*" if plant == finding.control.plant else ""
    if plant == FRESH:
        css, text = ("alarm", "false alarm") if trial.caught else ("quiet", "silent")
        return PlantCell(css=css, text=text, value=value)
    is_blind = own and not trial.caught
    css = "alarm" if is_blind else "hit" if trial.caught else "quiet"
    return PlantCell(css=css, text=f"{'caught' if trial.caught else 'not caught'}{own}", value=value)
