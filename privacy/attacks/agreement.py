"""A11: near and partial copies. Do synthetic records point at people of train more clearly than at held-out people?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from privacy.about import About, Question
from privacy.estimate import detectable_difference
from privacy.evidence import Evidence
from privacy.exact import LEVEL, Excess, Scores, above_control, found_more, ranks_within
from privacy.finding import MAXIMUM_OVER, Finding, FindingStatus
from privacy.linkage import NOT_LINKED
from privacy.near import NOT_FOUND, left_out_scores
from privacy.pairs import near_pairs
from privacy.plants import Plant
from privacy.threat import FILE_ONLY

ABOUT = About(
    title="Near and partial copies",
    question=Question.COPIES,
    statistics={
        "excess_surest": "people whom a record points at most clearly, beyond chance",
        "excess_all_but_two": "records found but for one or two cells, beyond chance",
        "excess_parts": "people whom a record points at, beyond chance",
        "excess_near_pairs": "two numbers of a person, hardly moved, found too often",
    },
    plants=(Plant.COPIED_02, Plant.COPIED_05, Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_5),
)

FEWEST_PEOPLE = 100
SURE = 0.005
"""The surest links are read where noise still leaves half a per cent of the people in view."""
WIDE = 0.02
IN_A_PAIR = 0.012
"""The noise of one pair of numbers, less than WIDE: the upper end is the largest over all pairs."""
HALF = LEVEL / 2
"""The level of each of two ways to count, of which the one that tells more is reported (Bonferroni)."""

LINKED = (
    f"{FILE_ONLY} or a part of it, as of others, and takes each synthetic record for the one person who agrees with it "
    "in the most telling cells."
)
LOOKED_UP = f"{FILE_ONLY}, and looks it up, forgiving one or two cells that differ."
IN_PAIRS = f"{FILE_ONLY}, and looks up two numbers of it, forgiving that both were moved a little."


def agreement(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Four findings, each the share of train found beyond chance: lower end above 0 means that training people are.

    `agreement.excess_surest` and `agreement.excess_parts`: the people under attack, by how clearly some synthetic
    record points at them (`privacy.linkage.margins`). Counted are those of train whose margin is above that of the
    held-out person of some rank, less what chance does; the first reads thresholds whose noise leaves SURE in view, the
    second wider ones, for leaks of fewer cells of more people. Any copy of k of m cells counts once the k cells are
    telling.

    `agreement.excess_all_but_two`: all people of both sides, by look-ups of their record less one or two columns
    (`privacy.near.left_out_scores`). In large tables it sees copies among people whom the first two leave out.

    `agreement.excess_near_pairs`: the people under attack, by how near a published record comes in two numbers that
    hardly anybody shares, such as latitude and longitude (`privacy.pairs.near_pairs`). The worst of all pairs of
    columns; its lower end is corrected for their number (Bonferroni).

    `value`, `lower` and `upper` are (people of train above the threshold - those whom chance puts there) / people of
    train, exact under exchangeability of train and holdout (`privacy.exact.above_control`). The upper end covers
    people whose link stands out that far, not people of whom fewer cells are given away.
    """
    links = evidence.links
    ours, others = links.train.astype(np.float64), links.holdout.astype(np.float64)
    surest = _linked("excess_surest", SURE, ours, others, rng, evidence)
    wide = _linked("excess_parts", WIDE, ours, others, rng, evidence)
    return surest, wide, _left_out(evidence, rng), _pairs(evidence, rng)


def _linked(
    statistic: str, sight: float, ours: Scores, others: Scores, rng: np.random.Generator, evidence: Evidence
) -> Finding:
    if min(len(ours), len(others)) < FEWEST_PEOPLE:
        return _too_few(statistic, LINKED)
    excess = above_control(ours, others, ranks_within(sight, len(ours), len(others)), rng, floor=float(NOT_LINKED))
    more = {"train_not_under_attack": max(0.0, 1 - len(ours) / len(evidence.train_keys))}
    return _finding(statistic, LINKED, excess, len(ours), more)


def _left_out(evidence: Evidence, rng: np.random.Generator) -> Finding:
    statistic = "excess_all_but_two"
    if min(len(evidence.train_cells), len(evidence.holdout_cells)) < FEWEST_PEOPLE:
        return _too_few(statistic, LOOKED_UP)
    ours, others = left_out_scores(evidence.train_cells, evidence.holdout_cells, evidence.synthetic_cells)
    n, m = len(ours), len(others)
    ranked = above_control(ours, others, ranks_within(SURE, n, m), rng, floor=NOT_FOUND, level=HALF)
    found, by_chance = int((ours > NOT_FOUND).sum()), int((others > NOT_FOUND).sum())
    lower, upper = found_more(found, n, by_chance, m, level=HALF)
    if lower > max(0.0, ranked.lower):
        # Where chance finds few, all whom the look-ups find tell more than the surest of them.
        ranked = replace(
            ranked,
            value=found / n - by_chance / m,
            lower=lower,
            upper=max(upper, ranked.upper),
            rank=0,
            found=found,
            chance=by_chance * n / m,
            # what is reported now has the noise of all finds, and is judged by that
            detectable=max(ranked.detectable, min(1.0, detectable_difference(by_chance / m, n, m))),
        )
    return _finding(statistic, LOOKED_UP, ranked, n, {"found": float(found), "found_in_holdout": float(by_chance)})


def _pairs(evidence: Evidence, rng: np.random.Generator) -> Finding:
    statistic = "excess_near_pairs"
    train = evidence.train_cells.take(evidence.attacked_train)
    holdout = evidence.holdout_cells.take(evidence.attacked_holdout)
    if min(len(train), len(holdout)) < FEWEST_PEOPLE:
        return _too_few(statistic, IN_PAIRS)
    if len(train.numbers) < 2:
        return _not_applicable(statistic, IN_PAIRS, "Fewer than two columns of numbers that hardly anybody shares.")
    pairs, possible = near_pairs(train, holdout, evidence.synthetic_cells)
    ranks = ranks_within(IN_A_PAIR, len(train), len(holdout))
    each = [
        above_control(pair.train, pair.holdout, ranks, rng, floor=NOT_FOUND, level=LEVEL / len(pairs)) for pair in pairs
    ]
    best = max(each, key=lambda excess: excess.lower)
    excess = replace(best, upper=max(excess.upper for excess in each))
    more = {MAXIMUM_OVER: float(len(pairs)), "pairs_left_out": float(possible - len(pairs))}
    return _finding(statistic, IN_PAIRS, excess, len(train), more)


def _finding(statistic: str, threat: str, excess: Excess, n: int, more: dict[str, float]) -> Finding:
    return Finding(
        attack="agreement",
        statistic=statistic,
        value=excess.value,
        baseline=0.0,
        lower=excess.lower,
        upper=excess.upper,
        n=n,
        threat=threat,
        minimum_detectable=excess.detectable,
        details={
            "people_of_train": float(excess.found),
            "by_chance": excess.chance,
            "rank_of_threshold": float(excess.rank),
            **more,
        },
    )


def _too_few(statistic: str, threat: str) -> Finding:
    return _not_applicable(statistic, threat, f"Train or holdout has fewer than {FEWEST_PEOPLE} people.")


def _not_applicable(statistic: str, threat: str, note: str) -> Finding:
    return Finding(
        attack="agreement", statistic=statistic, status=FindingStatus.NOT_APPLICABLE, threat=threat, note=note
    )
