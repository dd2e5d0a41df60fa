"""Has the generator seen holdout or reference? The attacks the other way round: holdout against reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.canonical import Canonical, Keys, all_but_one
from privacy.distance import Encoded, nearest
from privacy.evidence import NEIGHBOURS, Evidence
from privacy.exchangeable import Excess, found, ranks, strongest, surest
from privacy.finding import Finding
from privacy.strangers import UNLIKE, Sighting, beyond_chance, sightings
from privacy.validity import LEVEL, check, not_checked, voids

ABOUT = About(
    title="Unseen check",
    question=Question.TRUST,
    statistics={
        "holdout_share": "holdout known to the synthetic table",
        "reference_share": "reference known to the synthetic table",
    },
    plants=None,
)

SMALLEST_SHARE = 0.002
"""Of holdout or reference: if the generator has seen less, no figure changes."""
FEWEST_RECORDS = 50
FEWEST_REFERENCE = 300
"""With fewer, holdout cannot be told from people whom the generator never saw."""
FAR_NEARER = 0.1
"""A synthetic record so much nearer than the nearest of train stands for that one person. Among fresh people of Adult
one in a hundred has one by chance."""
NO_REFERENCE = (
    f"Whether the generator has seen the holdout cannot be known without a reference of at least {FEWEST_REFERENCE} "
    "records of people like those of holdout; only equal records were looked up."
)
UNLIKE_REFERENCE = (
    "Whether the generator has seen the holdout cannot be known: the reference is not like the holdout, one of them is "
    "nearer to train."
)
RECORDS = "records"
FIX = "Train it on the train part alone and audit again."

Scores = NDArray[np.float64]


def seen(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`seen.holdout_share` and `seen.reference_share`: the share that the synthetic table knows, beyond chance.

    Nobody in holdout or reference was seen by an honest generator, so they change places freely. Tests of each against
    the other: look-ups of equal records and of records with one cell unequal (Fisher's exact test), the records nearest
    to the synthetic table, and nearness as a whole to the nearest and to the five nearest (rank sums: the AUC of
    membership inference), the people whom synthetic records point at most clearly (`privacy.linkage`), and everything
    that `privacy.searches` looks up and nearly unique numbers (`privacy.strangers`). Besides, without need of the
    other, so that it is found too where the generator has seen both: far more equal records, or single values, than
    train holds by chance, and far more records with a synthetic record in next to the same place than train has there
    (`_twins`). All tests are one family at the level of `privacy.validity`.

    Without a reference of FEWEST_REFERENCE records, or where it is not like holdout, only these are made that need no
    other; what they do not prove cannot be known, and the finding is not applicable and says so.
    """
    if min(len(evidence.train), len(evidence.holdout)) < FEWEST_RECORDS:
        return (not_checked("seen", "holdout_share", f"Fewer than {FEWEST_RECORDS} records in train or holdout."),)
    published, known = evidence.synthetic_keys, _AloneKeys.of(evidence, rng)
    holdout = evidence.holdout_keys
    if evidence.reference is None or evidence.reference_keys is None or len(evidence.reference) < FEWEST_REFERENCE:
        alone, _ = sightings(evidence, compare=False)
        exact, twins = known.test(holdout.records), _twins(evidence.holdout, evidence, rng)
        proofs = [_of_records(exact, len(holdout)), _of_records(twins, len(evidence.holdout)), *alone]
        return (_finding("holdout", surest_sighting(proofs, among=len(proofs)), level=LEVEL, unknown=NO_REFERENCE),)
    distances = nearest(evidence.reference, evidence.synthetic, NEIGHBOURS).distances
    links = evidence.other_links
    sides = (
        _Side.of("holdout", holdout, published, evidence.near.holdout_synthetic, evidence.holdout, links.train),
        _Side.of("reference", evidence.reference_keys, published, distances, evidence.reference, links.holdout),
    )
    values = sightings(evidence, compare=True)
    found = []
    for side, other, theirs in ((sides[0], sides[1], values[0]), (sides[1], sides[0], values[1])):
        proofs = [_of_records(_twins(side.records, evidence, rng), len(side.records)), *theirs]
        found.append(_against(side, other, known, evidence.train, proofs))
    return tuple(found)


def _of_records(excess: Excess, n: int) -> Sighting:
    return Sighting(excess=excess, n=n, name=RECORDS)


def _is_large(test: Sighting) -> bool:
    return test.excess.records > SMALLEST_SHARE * test.n


def surest_sighting(tests: Sequence[Sighting], *, among: int) -> Sighting:
    """The test with the smallest p value, times `among` (Bonferroni); first of those whose share is large enough."""
    best = min(tests, key=lambda test: (not _is_large(test), test.excess.p_value))
    return replace(best, excess=strongest([best.excess], among=among))


def _twins(records: Encoded, evidence: Evidence, rng: np.random.Generator) -> Excess:
    """Whether more records have a synthetic twin than people of train explain (exact binomial test).

    A twin is FAR_NEARER than the nearest of one half of train. Equally many of the other half of train say how many
    have one by chance.
    """
    size = min(len(evidence.train) // 2, len(evidence.synthetic))
    order = rng.permutation(len(evidence.train))
    chosen = rng.permutation(len(evidence.synthetic))[:size]
    groups = (
        evidence.train.take(order[:size]),
        evidence.train.take(order[size : 2 * size]),
        evidence.synthetic.take(chosen),
    )
    near, by_chance, published = (nearest(records, group, 1).distances[:, 0] for group in groups)
    hits, chance = int((published < FAR_NEARER * near).sum()), float((by_chance < FAR_NEARER * near).mean())
    return beyond_chance(hits, len(records), chance)


@dataclass(frozen=True, kw_only=True, slots=True)
class _AloneKeys:
    """What of a side would stand in a synthetic table by chance, as told by train: equally many of each."""

    train: Keys
    synthetic: Keys

    @staticmethod
    def of(evidence: Evidence, rng: np.random.Generator) -> _AloneKeys:
        train, synthetic = evidence.train_keys.records, evidence.synthetic_keys.records
        n = min(len(train), len(synthetic))
        return _AloneKeys(train=rng.permutation(train)[:n], synthetic=rng.permutation(synthetic)[:n])

    def test(self, keys: Keys) -> Excess:
        """Whether more of these records stand in the synthetic table than train explains (exact binomial test)."""
        hits, chance = int(np.isin(keys, self.synthetic).sum()), float(np.isin(keys, self.train).mean())
        return beyond_chance(hits, len(keys), chance)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    name: str
    keys: Keys
    looked_up: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Per record, whether it stands in the synthetic table, and whether it does with one cell unequal at most."""
    scores: tuple[Scores, Scores]
    """Per record under attack, how near it is to the nearest synthetic record, and to the five nearest."""
    links: Scores
    """How clearly a synthetic record points at each, of as many as of the other side."""
    records: Encoded

    @staticmethod
    def of(
        name: str,
        table: Canonical,
        published: Canonical,
        near: NDArray[np.float32],
        records: Encoded,
        links: NDArray[np.float32],
    ) -> _Side:
        exact = np.isin(table.records, published.records)
        nearly = exact.copy()
        for mine, theirs in zip(all_but_one(table), all_but_one(published), strict=True):
            nearly |= np.isin(mine, theirs)
        one, all_of_them = (-near[:, :k].astype(np.float64).mean(axis=1) for k in (1, NEIGHBOURS))
        return _Side(
            name=name,
            keys=table.records,
            looked_up=(exact, nearly),
            scores=(one, all_of_them),
            links=links.astype(np.float64),
            records=records,
        )


def _against(side: _Side, other: _Side, known: _AloneKeys, train: Encoded, proofs: Sequence[Sighting]) -> Finding:
    looked_up = [known.test(side.keys)]
    for mine, theirs in zip(side.looked_up, other.looked_up, strict=True):
        looked_up.append(found(int(mine.sum()), len(mine), int(theirs.sum()), len(theirs)))
    near = [surest(side.scores[0], other.scores[0]), surest(side.links, other.links)]
    near.extend(ranks(mine, theirs) for mine, theirs in zip(side.scores, other.scores, strict=True))
    level, count = LEVEL / 2, len(looked_up) + len(near) + len(proofs)
    exact = surest_sighting([_of_records(each, len(side.keys)) for each in looked_up], among=count)
    by_distance = surest_sighting([_of_records(each, len(side.records)) for each in near], among=count)
    proof = surest_sighting(proofs, among=count)
    for test in (exact, proof):
        if test.excess.p_value <= level and _is_large(test):
            return _finding(side.name, test, level=level)
    if by_distance.excess.p_value <= level:
        if _is_nearer(side.records, other.records, train):
            return not_checked("seen", f"{side.name}_share", UNLIKE_REFERENCE)
        return _finding(side.name, by_distance, level=level)
    return _finding(side.name, min((exact, proof, by_distance), key=lambda test: test.excess.p_value), level=level)


def _is_nearer(records: Encoded, others: Encoded, train: Encoded) -> bool:
    """Whether the records are nearer to train, too, than the others are, so that they are other people."""
    near, far = (-nearest(each, train, 1).distances[:, 0].astype(np.float64) for each in (records, others))
    return ranks(near, far).p_value <= UNLIKE


def _finding(name: str, test: Sighting, *, level: float, unknown: str = "") -> Finding:
    number, n = max(1, round(test.excess.records)), test.n
    what = f"of the {n} records of {name} that were looked for, beyond chance"
    if test.name != RECORDS:
        what = f"of {n} values that {name} has ({test.name}), beyond chance"
    finding = check(
        f"seen.{name}_share",
        value=test.excess.records / n,
        baseline=SMALLEST_SHARE,
        p_value=test.excess.p_value,
        level=level,
        n=n,
        cause=f"The synthetic table knows about {number} {what}: the generator has seen the {name}. {FIX}",
    )
    return not_checked("seen", f"{name}_share", unknown) if unknown and not voids(finding) else finding
