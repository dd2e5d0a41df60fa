"""The whole battery on one synthetic table: evidence, attacks, and the same attacks on planted leaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from privacy.attacks.drift import drift
from privacy.attacks.membership import membership
from privacy.attacks.proximity import proximity
from privacy.attacks.replay import replay
from privacy.attacks.vulnerable import vulnerable
from privacy.calibration import Plant, Trial, carrier, own_plant, trials_of, with_plant
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus
from privacy.threat import AuditTables

BATTERY_VERSION = "2"
"""Changes whenever an attack, its statistic or its subsampling changes, so that old reports stay comparable."""

T = TypeVar("T")
Progress = Callable[[str, float], None]
Attack = Callable[[Evidence, np.random.Generator], tuple[Finding, ...]]

ATTACKS: Mapping[str, Attack] = {
    "drift": drift,
    "replay": lambda evidence, _: replay(evidence),
    "proximity": proximity,
    "membership": membership,
    "vulnerable": lambda evidence, _: vulnerable(evidence),
}
NOT_CALIBRATED = ("drift",)
"""Planted leaks change the synthetic table only, which the drift check never reads."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditResult:
    """What the battery found, what it would have found, and on how many records it rests."""

    findings: tuple[Finding, ...]
    calibration: tuple[Trial, ...]
    sizes: Mapping[str, int]
    """Records (of distinct people, where the schema names a person) per table, and records under attack per side."""
    battery_version: str = BATTERY_VERSION

    @property
    def blind(self) -> frozenset[str]:
        """The measured statistics that missed, or never met, their own plant on this table."""
        saw = {trial.key for trial in self.calibration if trial.caught and trial.plant is own_plant(trial.key)}
        measured = {
            f.key for f in self.findings if f.status is FindingStatus.MEASURED and f.attack not in NOT_CALIBRATED
        }
        return frozenset(measured - saw)

    def smallest_caught(self, key: str) -> Plant | None:
        """The smallest share of copied records that the statistic `key` caught on this table, or None."""
        order = (Plant.COPIED_1, Plant.COPIED_5, Plant.COPIED_20, Plant.COPY)
        caught = {trial.plant for trial in self.calibration if trial.key == key and trial.caught}
        return next((plant for plant in order if plant in caught), None)

    def to_json(self) -> dict[str, object]:
        """The result as JSON values."""
        return {
            "battery_version": self.battery_version,
            "findings": [finding.to_json() for finding in self.findings],
            "calibration": [trial.to_json() for trial in self.calibration],
            "blind": sorted(self.blind),
            "sizes": dict(self.sizes),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Crash:
    """That something crashed, and how, without a word of its message: messages quote data."""

    error: str


def audit(
    tables: AuditTables,
    rng: np.random.Generator,
    *,
    progress: Progress | None = None,
    attacks: Mapping[str, Attack] = ATTACKS,
    planting: bool = True,
) -> AuditResult:
    """The findings of all attacks on `tables.synthetic`, and what each caught among the leaks planted for it.

    An attack that raises becomes a finding with the status FAILED and the others go on. The same `rng` state gives the
    same result. Without `planting` the self-calibration is left out: then every attack counts as blind, and no policy
    passes the table. `progress` is called with a stage and the fraction done; what it raises ends the audit.
    """
    report = progress or (lambda _stage, _fraction: None)
    report("distances", 0.0)
    thin = tables.one_record_per_person(rng)
    sizes = {name: len(frame) for name, frame in thin.named()}
    evidence = _attempt(lambda: gather(thin, rng))
    if isinstance(evidence, _Crash):
        failed = tuple(_failed(name, evidence) for name in attacks)
        return AuditResult(findings=failed, calibration=(), sizes={**sizes, "attacked": 0})
    findings: list[Finding] = []
    for step, (name, attack) in enumerate(attacks.items()):
        report(f"attack: {name}", 0.4 + 0.2 * step / len(attacks))
        findings.extend(_run(name, attack, evidence, rng))
    trials: list[Trial] = []
    if planting:
        calibrated = {name: attack for name, attack in attacks.items() if name not in NOT_CALIBRATED}
        found = _plant_all(evidence, calibrated, rng, report)
        trials = [trial for part in found if not isinstance(part, _Crash) for trial in part]
        findings.extend(_failed("calibration", part) for part in found if isinstance(part, _Crash))
    report("done", 1.0)
    return AuditResult(
        findings=tuple(findings), calibration=tuple(trials), sizes={**sizes, "attacked": len(evidence.train)}
    )


def _plant_all(
    evidence: Evidence, attacks: Mapping[str, Attack], rng: np.random.Generator, report: Progress
) -> list[tuple[Trial, ...] | _Crash]:
    report("calibration", 0.6)
    base = carrier(evidence)
    without = _run_all(attacks, base, rng)
    results = []
    for step, plant in enumerate(Plant):
        report(f"calibration: {plant.value}", 0.6 + 0.4 * (step + 1) / (len(Plant) + 1))
        results.append(_attempt(partial(_plant_one, plant, base, without, attacks, rng)))
    return results


def _plant_one(
    plant: Plant,
    base: Evidence,
    without: tuple[Finding, ...],
    attacks: Mapping[str, Attack],
    rng: np.random.Generator,
) -> tuple[Trial, ...]:
    planted = with_plant(plant, base, rng)
    return () if planted is None else trials_of(plant, _run_all(attacks, planted, rng), without)


def _run_all(attacks: Mapping[str, Attack], evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    return tuple(finding for name, attack in attacks.items() for finding in _run(name, attack, evidence, rng))


def _run(name: str, attack: Attack, evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    found = _attempt(lambda: attack(evidence, rng))
    return (_failed(name, found),) if isinstance(found, _Crash) else found


def _failed(name: str, crash: _Crash) -> Finding:
    return Finding(
        attack=name,
        statistic="crashed",
        status=FindingStatus.FAILED,
        note=f"The attack crashed with {crash.error}.",
    )


def _attempt(call: Callable[[], T]) -> T | _Crash:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever breaks an attack, it must end as a finding and never as a pass
        log.warning("an attack crashed with %s", type(error).__name__)
        return _Crash(error=type(error).__name__)
