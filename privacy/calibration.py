"""What each statistic made of the leaks that were planted into the table under audit."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.finding import PLANTED_SHARE, Finding
from privacy.plants import COPIED, Plant


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Whether one statistic saw one plant, and its figure there."""

    key: str
    """The finding's `attack.statistic`."""
    plant: Plant
    caught: bool
    """The interval lies above the baseline, and the plant adds to what the carrier gives."""
    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, object]:
        """The trial as JSON values."""
        return {
            "key": self.key,
            "plant": self.plant.value,
            "caught": self.caught,
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
        }


def trials_of(plant: Plant, findings: tuple[Finding, ...], without: tuple[Finding, ...]) -> tuple[Trial, ...]:
    """One trial per statistic that was measured on the plant; `without` are the findings on the carrier alone."""
    own = {} if plant is Plant.FRESH else {finding.key: finding for finding in without}
    return tuple(
        Trial(
            key=finding.key,
            plant=plant,
            caught=_caught(finding, own.get(finding.key)),
            value=finding.value,
            lower=finding.lower,
            upper=finding.upper,
        )
        for finding in findings
        if finding.value is not None and finding.lower is not None and finding.upper is not None
    )


def brought_along(findings: tuple[Finding, ...]) -> tuple[Trial, ...]:
    """The trials of attacks that lay their own plant while they run, and say in `details` what they made of it."""
    return tuple(
        Trial(
            key=finding.key,
            plant=_sized(finding.details.get(PLANTED_SHARE, 1.0)),
            caught=finding.details["planted_lower"] > (finding.baseline or 0.0),
            value=finding.details["planted_auc"],
            lower=finding.details["planted_lower"],
            upper=finding.details["planted_upper"],
        )
        for finding in findings
        if finding.details.keys() >= {"planted_auc", "planted_lower", "planted_upper"}
    )


def _sized(share: float) -> Plant:
    """The plant of copies of this share of train."""
    return next(plant for plant, size in COPIED.items() if size == share)


def _caught(finding: Finding, without: Finding | None) -> bool:
    value, lower, bar = finding.value or 0.0, finding.lower or 0.0, finding.baseline or 0.0
    if lower <= bar:
        return False
    if without is None or without.value is None or without.lower is None:
        return True
    if without.lower > bar:
        # The carrier leaks by itself, so the plant is only seen if it stands out from that.
        return value > (without.upper or 0.0)
    return value >= without.value
