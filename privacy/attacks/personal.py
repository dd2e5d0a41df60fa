"""A0: do e-mails, telephones, identifiers, names or sentences of train stand in the synthetic table, beyond chance?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom

from privacy.about import About, Question
from privacy.estimate import Interval
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from privacy.lookups import LookUp, Sought
from privacy.plants import Plant
from privacy.strata import Stratum, chance_of_as_many, detectable, leaked
from privacy.threat import FILE_ONLY

ABOUT = About(
    title="Personal data",
    question=Question.COPIES,
    statistics={
        "shared_values": "identifiers, names and rare text found too often",
        "shared_patterns": "e-mails, telephones and codes found too often",
        "shared_text": "phrases of text found too often",
        "without_control": "personal data found of a kind that holdout lacks",
        "shared_by_chance": "what could hide among chance finds",
    },
    plants=(Plant.PERSONAL,),
    sees_records=False,
)

THREATS = {
    Sought.VALUES: f"{FILE_ONLY}, and looks up each cell that points to that person.",
    Sought.PATTERNS: f"{FILE_ONLY}, and searches all text of it for that person's e-mail, telephone, numbers and name.",
    Sought.TEXT: f"{FILE_ONLY}, and searches all text of it for the words of a text about that person.",
}
NOTHING = {
    Sought.VALUES: "No column has values that train or holdout has alone, but those that other attacks look at.",
    Sought.PATTERNS: "Train and holdout have no e-mails, telephone numbers or long codes in text.",
    Sought.TEXT: "Train and holdout have no text with sentences.",
}
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """One look-up and what it found. Shares are of what train has alone."""

    name: str
    train: int
    found: int
    holdout: int
    by_chance: int
    """How much of what holdout has alone is found."""
    explained: bool
    """Whether chance is a good account of what was found: see `_explained`."""
    excess: float
    interval: Interval
    """Of the share that leaked and would not have been found by chance; the lower end is corrected for the number of
    look-ups, the upper one need not be."""
    detectable: float | None


def _place(look_up: LookUp, strata: Sequence[Stratum], tries: int) -> _Place:
    """`tries` is how many look-ups there are, over which tests and lower ends are corrected (Bonferroni).

    All must pass, so upper ends need no correction (Berger 1982).
    """
    train, found = sum(s.train for s in strata), sum(s.train_found for s in strata)
    expected = sum(s.train * s.holdout_found / s.holdout for s in strata)
    by_chance = sum(s.holdout_found for s in strata)
    lower, _ = leaked(strata, confidence=1 - LEVEL / tries)
    _, upper = leaked(strata, confidence=1 - LEVEL)
    beyond_chance = (1 - expected / train) / train
    needed = detectable(strata, level=LEVEL / 2 / tries)
    return _Place(
        name=look_up.name,
        train=train,
        found=found,
        holdout=sum(s.holdout for s in strata),
        by_chance=by_chance,
        explained=_explained(look_up, strata, tries),
        excess=max(0.0, found - expected) / train,
        interval=(lower * beyond_chance, upper * beyond_chance),
        detectable=None if needed is None else max(0.0, needed - expected) / train,
    )


def _explained(look_up: LookUp, strata: Sequence[Stratum], tries: int) -> bool:
    """Whether nothing of train is found, or people do coincide here and no more is found than that would give.

    That people coincide is seen from finds of holdout or, without any, from what train, holdout and reference have in
    common: the finds are then held against those by a binomial test. Where nothing is known to coincide, a value that
    is one person's is never explained. Of names, streets and words, which two people may have, a single find is, if the
    next coincidence had been as likely in any pair of tables.
    """
    found, by_chance = sum(s.train_found for s in strata), sum(s.holdout_found for s in strata)
    if found == 0:
        return True
    if chance_of_as_many(strata) <= LEVEL / 2 / tries:
        return False
    if by_chance > 0:
        # One find of holdout explains as many of train, not nine: of e-mails and codes that is left to a person.
        return not look_up.exclusive or chance_of_as_many(strata) > LEVEL / 2
    if look_up.common == 0 and (look_up.exclusive or found > 1):
        return False
    share = look_up.odds / (1 + look_up.odds)
    level = LEVEL if look_up.exclusive or look_up.common == 0 else LEVEL / tries
    return float(binom.sf(found - 1, found + look_up.common, share)) > level


def personal(evidence: Evidence) -> tuple[Finding, ...]:
    """Five findings: `personal.shared_values`, `.shared_patterns`, `.shared_text`, `.shared_by_chance` and
    `.without_control`.

    Of what train has alone (a value, an e-mail address anywhere in text, a person's own phrases) the share that the
    synthetic table holds and that chance does not explain; chance is what it holds of holdout's, among values that as
    many people hold. Exact tests, see `privacy.strata`. Each of the first three tells of its worst look-up.

    The upper end of the first three leaves out look-ups in which train's are not found provably more often than
    holdout's and other people's values do coincide with train's: there a find is no proof of anything. How much a leak
    could hide behind such chance finds is what `personal.shared_by_chance` bounds, for the worst look-up in which
    something of holdout is found, or something of train that chance explains.

    `personal.without_control` is the share found of what one person of train has, in look-ups for which holdout has
    nothing: no leak can be proven there, but a find is left to a person.
    """
    places = {sought: _places(evidence.look_ups, sought) for sought in Sought}
    findings = [_finding(sought, evidence.look_ups, found) for sought, found in places.items()]
    coincidences = _coincidences([place for found in places.values() for place in found])
    return (*findings, coincidences, _without_control(evidence.look_ups))


def _places(look_ups: Sequence[LookUp], sought: Sought) -> list[_Place]:
    counted = [(each, each.strata()) for each in look_ups if each.sought is sought and not each.counter]
    counted = [(each, strata) for each, strata in counted if strata]
    return [_place(each, strata, len(counted)) for each, strata in counted]


def _finding(sought: Sought, look_ups: Sequence[LookUp], places: Sequence[_Place]) -> Finding:
    counters = _counters(look_ups) if sought is Sought.VALUES else ""
    least = [place.detectable for place in places]
    seen = [share for share in least if share is not None]
    if not places or (not seen and not any(place.found for place in places)):
        return Finding(
            attack="personal",
            statistic=sought.value,
            status=FindingStatus.NOT_APPLICABLE,
            threat=THREATS[sought],
            note=f"{_none_found(places) if places else NOTHING[sought]}{counters}",
        )
    worst = max(places, key=lambda place: (place.interval[0], not place.explained, place.excess))
    return Finding(
        attack="personal",
        statistic=sought.value,
        value=0.0 if worst.explained else worst.excess,
        baseline=0.0,
        lower=worst.interval[0],
        upper=max((place.interval[1] for place in places if not place.explained), default=worst.interval[0]),
        n=worst.train,
        threat=THREATS[sought],
        minimum_detectable=min(seen, default=1.0),
        note=f"{_worst(worst, len(places))}{counters}",
        details=_details(places),
    )


def _coincidences(places: Sequence[_Place]) -> Finding:
    common = [place for place in places if place.by_chance > 0 or (place.explained and place.found > 0)]
    threat = f"{FILE_ONLY}, and looks up what other people, too, could have by chance."
    if not common:
        return Finding(
            attack="personal",
            statistic="shared_by_chance",
            status=FindingStatus.NOT_APPLICABLE,
            threat=threat,
            note="Nothing stands in the synthetic table that chance explains.",
        )
    worst = max(common, key=lambda place: place.interval[1])
    return Finding(
        attack="personal",
        statistic="shared_by_chance",
        value=worst.excess,
        baseline=0.0,
        lower=worst.interval[0],
        upper=worst.interval[1],
        n=worst.train,
        threat=threat,
        minimum_detectable=worst.detectable if worst.detectable is not None else 1.0,
        note=_worst(worst, len(common)),
        details=_details(common),
    )


def _without_control(look_ups: Sequence[LookUp]) -> Finding:
    counted = [each.without_control() for each in look_ups if not each.counter]
    n, found = sum(held for held, _ in counted), sum(hits for _, hits in counted)
    threat = f"{FILE_ONLY}, and looks up personal data of a kind that nobody else is known to have."
    if n == 0:
        return Finding(
            attack="personal",
            statistic="without_control",
            status=FindingStatus.NOT_APPLICABLE,
            threat=threat,
            note="Holdout has something of each kind of personal data that train has.",
        )
    return Finding(
        attack="personal",
        statistic="without_control",
        value=found / n,
        baseline=0.0,
        lower=0.0,
        upper=found / n,
        n=n,
        threat=threat,
        minimum_detectable=1 / n,
        note=f"{found} of {n} are found. Holdout has none of their kind, so nobody knows what chance would find.",
    )


def _worst(place: _Place, of: int) -> str:
    among = f"Worst of {of} look-ups" if of > 1 else "Look-up"
    return (
        f"{among}: {place.name}. Of {place.train} that train has alone {place.found} stand in the synthetic table, of "
        f"{place.holdout} that holdout has alone {place.by_chance}."
    )


def _none_found(places: Sequence[_Place]) -> str:
    number = sum(place.train for place in places)
    return (
        f"Train or holdout has too few values alone for a test; of train's {number} none stands in the synthetic table."
    )


def _counters(look_ups: Sequence[LookUp]) -> str:
    names = sorted({name for each in look_ups if each.counter for name in each.columns})
    if not names:
        return ""
    return (
        f" A plain counter in the synthetic table, which is the same whoever was learnt and so not looked up: "
        f"{', '.join(names)}."
    )


def _details(places: Sequence[_Place]) -> dict[str, float]:
    details = {"look_ups": float(len(places)), "values": float(sum(place.train for place in places))}
    for place in places:
        if place.found or place.by_chance:
            details[f"train_found[{place.name}]"] = float(place.found)
            details[f"holdout_found[{place.name}]"] = float(place.by_chance)
    return details
