"""The attacks of the battery, in the order of the report, and the ones that are run apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from privacy import artefacts
from privacy.about import About
from privacy.attacks import (
    agreement,
    attribute,
    classifier,
    comparability,
    density,
    drift,
    ensemble,
    every_cell,
    linkability,
    membership,
    overlap,
    people,
    personal,
    proximity,
    reconstruction,
    replay,
    seen,
    shadow,
    singling_out,
    subgroups,
    vulnerable,
    white_box,
)
from privacy.plants import COPIED, COUNT_SYNTHETIC, Plant
from privacy.running import Attack


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An attack of the battery."""

    run: Attack
    about: About


BATTERY: Mapping[str, Member] = {
    "drift": Member(run=drift.drift, about=drift.ABOUT),
    "overlap": Member(run=overlap.overlap, about=overlap.ABOUT),
    "seen": Member(run=seen.seen, about=seen.ABOUT),
    "comparability": Member(run=comparability.comparability, about=comparability.ABOUT),
    "replay": Member(run=lambda evidence, _: replay.replay(evidence), about=replay.ABOUT),
    "agreement": Member(run=agreement.agreement, about=agreement.ABOUT),
    "personal": Member(run=lambda evidence, _: personal.personal(evidence), about=personal.ABOUT),
    "proximity": Member(run=proximity.proximity, about=proximity.ABOUT),
    "membership": Member(run=lambda evidence, _: membership.membership(evidence), about=membership.ABOUT),
    "people": Member(run=people.people, about=people.ABOUT),
    "density": Member(run=density.density, about=density.ABOUT),
    "classifier": Member(run=classifier.classifier, about=classifier.ABOUT),
    "ensemble": Member(run=ensemble.ensemble, about=ensemble.ABOUT),
    "vulnerable": Member(run=lambda evidence, _: vulnerable.vulnerable(evidence), about=vulnerable.ABOUT),
    "subgroups": Member(run=lambda evidence, _: subgroups.subgroups(evidence), about=subgroups.ABOUT),
    "attribute": Member(run=attribute.attribute, about=attribute.ABOUT),
    "every_cell": Member(run=every_cell.every_cell, about=every_cell.ABOUT),
    "linkability": Member(run=linkability.linkability, about=linkability.ABOUT),
    "singling_out": Member(run=singling_out.singling_out, about=singling_out.ABOUT),
    "reconstruction": Member(run=reconstruction.reconstruction, about=reconstruction.ABOUT),
}
APART: Mapping[str, About] = {
    "shadow": shadow.ABOUT,
    "white_box": white_box.ABOUT,
    "artefacts": artefacts.ABOUT,
}
"""Attacks on the model and on files beside the table. Their findings are joined to those of the battery."""
ABOUT: Mapping[str, About] = {**{name: member.about for name, member in BATTERY.items()}, **APART}
"""What each attack says of itself."""


def gets_no_plant(attack: str) -> bool:
    """Whether the attack gets no plant: it checks the tables, or lays plants of its own."""
    return attack in ABOUT and ABOUT[attack].plants is None


def runs_on(attack: str, plant: Plant, *, of_synthetic: bool = False) -> bool:
    """Whether the attack is run on this plant. On fresh rows all are, but for look-ups of what no reference holds.

    An attack that is not in `ABOUT` is run on all plants. Copies come in two sizes, see
    `privacy.planting.with_plant`: an attack is run on those by which one of its statistics is judged.
    """
    if plant not in COPIED and of_synthetic:
        return False
    if plant in COPIED and not any(is_told_by(key, plant, of_synthetic=of_synthetic) for key in _sample_keys(attack)):
        return False
    about = ABOUT.get(attack)
    if about is None or about.plants is None:
        return about is None
    return plant in about.plants or (plant is Plant.FRESH and about.sees_records)


def is_told_by(key: str, plant: Plant, *, of_synthetic: bool) -> bool:
    """Whether the statistic `key` is judged by the plant of this size: a share of train or of the synthetic table."""
    if plant not in COPIED:
        return not of_synthetic
    return of_synthetic == any(fnmatchcase(key, pattern) for pattern in COUNT_SYNTHETIC)


def _sample_keys(attack: str) -> tuple[str, ...]:
    """One key of the attack for each way to count copies: of the people of train, or of the synthetic records."""
    counting = tuple(pattern for pattern in COUNT_SYNTHETIC if pattern.startswith(f"{attack}."))
    return counting if f"{attack}.*" in counting else (*counting, f"{attack}.")
