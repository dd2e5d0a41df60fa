"""A1: are training records, or single values, found in the synthetic table, or is it made of them, beyond chance?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.canonical import MISSING, Keys
from privacy.estimate import Interval, detectable_difference, detectable_exclusive, exclusive_excess, newcombe
from privacy.evidence import Evidence, Records
from privacy.exact import found_more
from privacy.finding import MAXIMUM_OVER, Finding, FindingStatus
from privacy.near import near_values
from privacy.plants import COLUMNS, Plant
from privacy.threat import FILE_ONLY

ABOUT = About(
    title="Replay",
    question=Question.COPIES,
    statistics={
        "excess_records": "records found too often",
        "copied_share": "synthetic records that are copies, beyond chance",
        "excess_values": "single values found too often",
    },
    plants=(Plant.COPIED_02, Plant.COPIED_05, Plant.COPIED_1, *COLUMNS),
)

Counts = NDArray[np.int64]
People = NDArray[np.intp]

FEWEST_RECORDS = 100
FEWEST_VALUES = 300
"""With fewer values per side a column cannot tell an excess of 1 % from none; such columns are counted together."""

RECORDS = f"{FILE_ONLY}, and looks it up."
COPIES = "An attacker holds the synthetic file alone, and takes each record of it for a real one that was learnt."
VALUES = "An attacker holds the synthetic file and one value that only one person has, and looks it up."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    train: int
    train_found: int
    holdout: int
    holdout_found: int
    share: float = 1.0
    """What one of them counts: how many of train are looked up, as a share of all people of train."""

    @property
    def excess(self) -> float:
        return self.share * (self.train_found / self.train - self.holdout_found / self.holdout)

    def interval(self, confidence: float) -> Interval:
        """The lower end is exact: it says how many are in the table. The upper end is Newcombe's."""
        counts = (self.train_found, self.train, self.holdout_found, self.holdout)
        lower, upper = found_more(*counts, level=1 - confidence)[0], newcombe(*counts, confidence=confidence)[1]
        return self.share * lower, max(self.share * upper, self.excess)

    def plus(self, other: _Count) -> _Count:
        return _Count(
            train=self.train + other.train,
            train_found=self.train_found + other.train_found,
            holdout=self.holdout + other.holdout,
            holdout_found=self.holdout_found + other.holdout_found,
            share=self.share + other.share,
        )

    @property
    def detectable(self) -> float:
        return self.share * detectable_difference(self.holdout_found / self.holdout, self.train, self.holdout)


def replay(evidence: Evidence) -> tuple[Finding, ...]:
    """Three findings: `replay.excess_records`, `replay.copied_share` and `replay.excess_values`, the worst column.

    Of the records that occur once in train and holdout together, the share of train's that the synthetic table holds
    minus the share of holdout's. Given which records are unique, the split says nothing about which of them are found
    unless the generator remembered, so the expected excess is 0 at any sizes, and all records are used. The same for
    the values of each column, as a share of all people of train; there besides for values that were moved a little, or
    all by one constant or factor: see `_values`. The lower end is exact (`privacy.exact.found_more`): above 0, that
    share of train does stand in the table. The upper end is that of Newcombe (1998), method 10.

    Those are shares of train, in which a few copies vanish; the copied share is one of the synthetic table, whatever
    its size: see `_copied`.
    """
    count = _count(evidence.train_keys.records, evidence.holdout_keys.records, evidence.synthetic_keys.records)
    return _records(count), _copied(evidence), _values(evidence)


def _records(count: _Count) -> Finding:
    if min(count.train, count.holdout) < FEWEST_RECORDS:
        return Finding(
            attack="replay",
            statistic="excess_records",
            status=FindingStatus.NOT_APPLICABLE,
            threat=RECORDS,
            note=f"Fewer than {FEWEST_RECORDS} records of train or holdout occur only once.",
        )
    lower, upper = count.interval(0.95)
    return Finding(
        attack="replay",
        statistic="excess_records",
        value=count.excess,
        baseline=0.0,
        lower=lower,
        upper=upper,
        n=count.train,
        threat=RECORDS,
        minimum_detectable=count.detectable,
        details={
            "train_share": count.train_found / count.train,
            "holdout_share": count.holdout_found / count.holdout,
            "unique_in_train": float(count.train),
            "unique_in_holdout": float(count.holdout),
        },
    )


def _copied(evidence: Evidence) -> Finding:
    """Of the synthetic records, the share equal to a record that one person of train has, less what is chance.

    A person who alone in train and holdout has some record is train's with probability t / (t + h), t and h being how
    many such people each has, unless the generator remembered; so among chance matches train's are t / h times
    holdout's. All records of a person count, for each could be a copy. Matches of one person stand or fall together:
    all counts are divided by the design effect, the sum of the squared matches per person over the sum of the matches
    (Kish 1965, section 8.2).
    """
    matches = _matches(evidence)
    if min(matches.people) < FEWEST_RECORDS:
        return Finding(
            attack="replay",
            statistic="copied_share",
            status=FindingStatus.NOT_APPLICABLE,
            threat=COPIES,
            note=f"Fewer than {FEWEST_RECORDS} records of train or holdout occur only once.",
        )
    ours, others, n = matches.train, matches.holdout, len(evidence.synthetic_keys)
    hits, chance, scale = int(ours.sum()), int(others.sum()), matches.people[0] / matches.people[1]
    clumps = int((ours**2).sum() + (others**2).sum()) / (hits + chance) if hits + chance else 1.0
    lower, upper = exclusive_excess(hits / clumps, chance / clumps, n / clumps, scale=scale)
    return Finding(
        attack="replay",
        statistic="copied_share",
        value=(hits - scale * chance) / n,
        baseline=0.0,
        lower=lower,
        upper=upper,
        n=n,
        threat=COPIES,
        minimum_detectable=detectable_exclusive(chance / n, max(1, round(n / clumps)), scale=scale),
        details={
            "equal_to_train": float(hits),
            "equal_to_holdout": float(chance),
            "unique_in_train": float(matches.people[0]),
            "unique_in_holdout": float(matches.people[1]),
            "design_effect": clumps,
        },
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Matches:
    people: tuple[int, int]
    """How many people of train, and of holdout, have a record that nobody else has."""
    train: Counts
    """For each of train's, how many synthetic records equal a record that only they have."""
    holdout: Counts


def _matches(evidence: Evidence) -> _Matches:
    ours = evidence.train_records or _one_each(evidence.train_keys.records)
    others = evidence.holdout_records or _one_each(evidence.holdout_keys.records)
    border = int(ours.people.max(initial=-1)) + 1
    keys, people = np.concatenate([ours.keys, others.keys]), np.concatenate([ours.people, others.people + border])
    keys, people = _held_by_one(keys, people)
    published, times = np.unique(evidence.synthetic_keys.records, return_counts=True)
    place = np.minimum(np.searchsorted(published, keys), len(published) - 1)
    matches = np.where(published[place] == keys, times[place], 0)
    holders, of = np.unique(people, return_inverse=True)
    counts = np.bincount(of, weights=matches, minlength=len(holders)).astype(np.int64)
    in_train = holders < border
    return _Matches(
        people=(int(in_train.sum()), int((~in_train).sum())), train=counts[in_train], holdout=counts[~in_train]
    )


def _one_each(keys: Keys) -> Records:
    return Records(keys=keys, people=np.arange(len(keys)))


def _held_by_one(keys: Keys, people: People) -> tuple[Keys, People]:
    """The different records that only one person has, with that person. Records of nobody's own are left out."""
    order = np.lexsort((people, keys))
    keys, people = keys[order], people[order]
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = (keys[1:] != keys[:-1]) | (people[1:] != people[:-1])
    keys, people = keys[first], people[first]
    edge = np.ones(len(keys) + 1, dtype=np.bool_)
    edge[1:-1] = keys[1:] != keys[:-1]
    alone = edge[1:] & edge[:-1]
    return keys[alone], people[alone]


def _values(evidence: Evidence) -> Finding:
    """The worst column. Equal values decide both ends; values near to a synthetic one can only prove a leak.

    Nearness rests on chance hits, so its upper ends are wide: it is left out of the upper end unless its own lower end
    is above 0.
    """
    exact = _value_counts(evidence)
    counts = {**exact, **_near_counts(evidence)}
    if not counts:
        return Finding(
            attack="replay",
            statistic="excess_values",
            status=FindingStatus.NOT_APPLICABLE,
            threat=VALUES,
            note=f"No column has {FEWEST_VALUES} values per side that occur only once.",
        )
    # Leak-free in every column is an intersection of claims: each must pass by itself, so upper ends need no
    # correction (Berger 1982). A leak in some column is a union: lower ends are corrected for the number of columns.
    lowers = {name: count.interval(1 - 0.05 / len(counts))[0] for name, count in counts.items()}
    judged = {name: count for name, count in counts.items() if name in exact or lowers[name] > 0}
    # What decides is told from look-ups that are always there: a find must not make its own statistic too coarse.
    priced = exact or counts
    worst = max(judged or counts, key=lambda name: counts[name].excess)
    count = counts[worst]
    lower = max(lowers[name] for name in judged or counts)
    return Finding(
        attack="replay",
        statistic="excess_values",
        value=max(count.excess, lower),
        baseline=0.0,
        lower=lower,
        upper=max(c.interval(0.95)[1] for c in (judged or counts).values()),
        n=count.train,
        threat=VALUES,
        minimum_detectable=max(c.detectable for c in priced.values()),
        note=f"Worst of {len(counts)} look-ups: {worst}.",
        details={
            MAXIMUM_OVER: float(len(priced)),
            "train_share": count.train_found / count.train,
            "holdout_share": count.holdout_found / count.holdout,
            **{f"excess[{name}]": c.excess for name, c in counts.items()},
        },
    )


def _near_counts(evidence: Evidence) -> dict[str, _Count]:
    """Per nearly unique column the counts of near look-ups, by how the values were moved."""
    train, holdout, published = evidence.train_cells, evidence.holdout_cells, evidence.synthetic_cells
    counts: dict[str, _Count] = {}
    for name in train.numbers:
        found = near_values(train.numbers[name], holdout.numbers[name], published.numbers[name])
        for way, near in found.items():
            if min(near.train, near.holdout) >= FEWEST_VALUES:
                counts[f"{name}, {way}"] = _Count(
                    train=near.train,
                    train_found=near.train_found,
                    holdout=near.holdout,
                    holdout_found=near.holdout_found,
                    share=near.train / len(train),
                )
    return counts


def _value_counts(evidence: Evidence) -> dict[str, _Count]:
    counts: dict[str, _Count] = {}
    rest = _Count(train=0, train_found=0, holdout=0, holdout_found=0, share=0.0)
    for name, train in evidence.train_keys.values.items():
        count = _count(train, evidence.holdout_keys.values[name], evidence.synthetic_keys.values[name])
        count = replace(count, share=count.train / len(train))
        if min(count.train, count.holdout) >= FEWEST_VALUES:
            counts[name] = count
        else:
            rest = rest.plus(count)
    if min(rest.train, rest.holdout) >= FEWEST_VALUES:
        counts["(all other columns)"] = rest
    return counts


def _count(train: Keys, holdout: Keys, synthetic: Keys) -> _Count:
    keys, times = np.unique(np.concatenate([train, holdout]), return_counts=True)
    unique = keys[(times == 1) & (keys != MISSING)]
    ours = train[np.isin(train, unique)]
    others = holdout[np.isin(holdout, unique)]
    published = np.unique(synthetic)
    return _Count(
        train=len(ours),
        train_found=int(np.isin(ours, published).sum()),
        holdout=len(others),
        holdout_found=int(np.isin(others, published).sum()),
    )
