"""A9: does the synthetic table join what two sources know about the same person?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.columns import Place, named, only, usable
from privacy.distance import Encoded, Neighbours, nearest
from privacy.errors import AuditInputError
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.plants import Plant
from privacy.residual import Tries, not_applicable, of_a_part, risk_finding

ABOUT = About(
    title="Linkability",
    question=Question.LINKABILITY,
    statistics={
        "named_source": "by the columns of a named source",
    },
    plants=(Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
)

NEIGHBOURS = 5
MOST_ATTACKED = 5_000
MOST_SYNTHETIC = 100_000
"""What a larger table may hide from the attack is told by `of_a_part`."""
PAIRS = 120_000_000
FEWEST_ATTACKED = 600
"""Records under attack per side: as many as keep the distances within PAIRS, between these two numbers."""
ROUNDING = 1e-5
"""Two float32 sums of the same terms in another order differ by less, for up to some hundred columns."""
THREAT = (
    "An attacker holds the synthetic file and two records without names, each with other columns, and asks whether "
    "both are about one person."
)

Split = tuple[Sequence[str], Sequence[str]]
Halves = tuple[tuple[Place, ...], tuple[Place, ...]]
Distances = NDArray[np.float32]


def linkability(evidence: Evidence, rng: np.random.Generator, *, split: Split | None = None) -> tuple[Finding, ...]:
    """The residual risks `linkability.k1` and `linkability.k5` over two disjoint sets of columns.

    A person is linked where the nearest synthetic records by the one half of the columns and the nearest by the other
    share a record (the idea: Giomi et al. 2023, section 3.4). `k1` takes all records at the smallest distance, however
    many tie; `k5` takes five. Success on train is held against success on equally many people of holdout.

    `split` names the two sets, which the reviewer chooses for what two sources may hold; by default the columns, from
    most to fewest distinct values in holdout, are dealt out in the order A B B A, so that both halves tell people
    apart about equally well. Raises AuditInputError where a named column does not exist or is in both sets.
    """
    halves = _default(evidence) if split is None else _chosen(evidence, split)
    if not all(halves):
        reason = "It takes at least one column that is not an identifier on either side of the split."
        return tuple(not_applicable("linkability", name, THREAT, reason) for name in ("k1", f"k{NEIGHBOURS}"))
    rows = _shuffled(evidence.synthetic, MOST_SYNTHETIC, rng)
    n = min(len(evidence.train), len(evidence.holdout), MOST_ATTACKED, max(FEWEST_ATTACKED, PAIRS // (2 * len(rows))))
    sides = ((evidence.train, evidence.near.train_synthetic), (evidence.holdout, evidence.near.holdout_synthetic))
    known = len(rows) == len(evidence.synthetic) and sum(map(len, halves)) == len(usable(evidence.columns))
    linked = [
        _linked(people.take(np.arange(n)), rows, halves, near[:n, 0] if known else None) for people, near in sides
    ]
    details = {"columns_a": float(len(halves[0])), "columns_b": float(len(halves[1])), "synthetic": float(len(rows))}
    found = [
        risk_finding(
            "linkability",
            name,
            Tries(hits=int(linked[0][i].sum()), n=n, control_hits=int(linked[1][i].sum()), control_n=n),
            threat=THREAT,
            note=f"A: {', '.join(p.name for p in halves[0])}. B: {', '.join(p.name for p in halves[1])}.",
            details=details,
        )
        for i, name in enumerate(("k1", f"k{NEIGHBOURS}"))
    ]
    return tuple(of_a_part(finding, len(rows), len(evidence.synthetic_keys)) for finding in found)


def _default(evidence: Evidence) -> Halves:
    columns = usable(evidence.columns)
    distinct = {place.name: _distinct(evidence.holdout, place) for place in columns}
    ranked = sorted(columns, key=lambda place: -distinct[place.name])
    first = {place.name for i, place in enumerate(ranked) if i % 4 in {0, 3}}
    return tuple(p for p in columns if p.name in first), tuple(p for p in columns if p.name not in first)


def _distinct(rows: Encoded, place: Place) -> int:
    cells = rows.codes[place.code or 0] if place.number is None else rows.numbers[place.number]
    return len(np.unique(cells))


def _chosen(evidence: Evidence, split: Split) -> Halves:
    if set(split[0]) & set(split[1]):
        raise AuditInputError("expected two sets of columns that share none, got a column in both")
    first, second = (usable(named(evidence.columns, names)) for names in split)
    return first, second


def _shuffled(rows: Encoded, most: int, rng: np.random.Generator) -> Encoded:
    """In random order, so that among equally near records no place in the file is preferred."""
    return rows.take(rng.permutation(len(rows))[:most])


def _linked(
    people: Encoded, rows: Encoded, halves: Halves, whole: Distances | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Per person whether the nearest by both halves share a record: with all ties of the nearest, and among five.

    A record is nearest by both halves exactly where its distance over all columns, whose smallest is `whole`, is the
    sum of the two smallest distances, below which no record can be. So ties of any number need no list.
    """
    by_a, by_b = (nearest(only(people, half), only(rows, half), NEIGHBOURS) for half in halves)
    if whole is None:
        together = (*halves[0], *halves[1])
        whole = nearest(only(people, together), only(rows, together), 1).distances[:, 0]
    shared = whole <= by_a.distances[:, 0] + by_b.distances[:, 0] + ROUNDING
    return shared, shared | _share_one(by_a, by_b)


def _share_one(by_a: Neighbours, by_b: Neighbours) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (by_a.index[:, :, None] == by_b.index[:, None, :]).any(axis=(1, 2))
    return found
