"""Whom each record points at: the blocked computation against one loop over all pairs, and what it is blind to."""

from __future__ import annotations

import numpy as np
import pytest

from privacy import linkage
from privacy.cells import NO_MATCH, Cells, cells_of
from privacy.linkage import NOT_LINKED, link, margins
from tests.privacy.attacks.awkward import MIXED, mixed


def cells(columns) -> Cells:
    coded = {name: np.asarray(codes, dtype=np.int32) for name, codes in columns.items()}
    return Cells(columns=coded, numbers={}, size=len(next(iter(coded.values()))))


def drawn(n: int, seed: int) -> Cells:
    rng = np.random.default_rng(seed)
    columns = {f"c{top}": rng.integers(NO_MATCH if seed == 9 else 0, top, n) for top in (2, 3, 20, 400)}
    return cells(columns)


def one_by_one(people: Cells, published: Cells) -> np.ndarray:
    best = np.full(len(people), float(NOT_LINKED))
    worth = {}
    for name, codes in people.columns.items():
        share = np.bincount(codes)[codes] / len(people)
        worth[name] = np.round(-np.log2(share) * linkage.PARTS_OF_A_BIT)
    for record in range(len(published)):
        total = np.zeros(len(people))
        for name, codes in people.columns.items():
            total += np.where(codes == published.columns[name][record], worth[name], 0)
        person = int(total.argmax())
        if total[person] > 0:
            margin = total[person] - np.delete(total, person).max()
            if margin > 0:
                best[person] = max(best[person], margin / linkage.PARTS_OF_A_BIT)
    return best


@pytest.mark.parametrize("pairs", [linkage.PAIRS_AT_ONCE, 700])
def test_blocks_agree_exactly_with_one_loop_over_all_pairs(monkeypatch, pairs):
    monkeypatch.setattr(linkage, "PAIRS_AT_ONCE", pairs)
    people, published = drawn(300, 1), drawn(250, 9)
    assert np.array_equal(margins(people, published), one_by_one(people, published).astype(np.float32))


def test_links_to_added_records_are_the_larger_ones():
    train, holdout, published = drawn(100, 1), drawn(120, 2), drawn(200, 9)
    first, second = published.take(np.arange(150)), published.take(np.arange(150, 200))
    joined = link(train, holdout, first).join(link(train, holdout, second))
    whole = link(train, holdout, published)
    assert np.array_equal(joined.train, whole.train)
    assert np.array_equal(joined.holdout, whole.holdout)
    assert len(whole.holdout) == 120


def test_a_record_points_at_the_person_it_was_copied_from_and_at_nobody_if_two_agree_as_much():
    frame = mixed(200, 1)
    train, holdout, copy = cells_of([frame, mixed(200, 2)], [frame.iloc[[7]]], MIXED)
    found = link(train, holdout, copy)
    assert found.train[7] > 5
    assert (np.delete(found.train, 7) == NOT_LINKED).all()
    assert (found.holdout == NOT_LINKED).all()
    twins = link(train, train, copy)
    assert max(twins.train.max(), twins.holdout.max()) == NOT_LINKED


def test_columns_that_say_the_same_are_not_counted_as_evidence_twice():
    """Whoever agrees on one of them agrees on all, and so does the second best."""
    rng = np.random.default_rng(5)
    base = {"a": rng.integers(0, 9, 200), "b": rng.integers(0, 9, 200), "c": rng.integers(0, 200, 200)}
    record = {"a": [1], "b": [2], "c": [int(base["c"][0])]}
    repeated = {f"b{i}": base["b"] for i in range(20)}
    plain = margins(cells(base), cells(record))
    copies = margins(cells({**base, **repeated}), cells({**record, **{name: [2] for name in repeated}}))
    assert copies.max() <= plain.max() + np.log2(9) + 5


@pytest.mark.parametrize("columns", [{"a": [1]}, {"a": [1, 1, 1]}, {"a": [1, 2, 3], "b": [1, 1, 1]}])
def test_nothing_in_common_links_nobody(columns):
    people = cells(columns)
    stranger = cells({name: [NO_MATCH] for name in columns})
    assert (margins(people, stranger) == NOT_LINKED).all()
    assert (margins(people, stranger.take(np.arange(0))) == NOT_LINKED).all()


def test_a_record_that_agrees_with_two_people_equally_points_at_neither():
    """Else the first of them, who is of train, would be found and the other not."""
    people = cells({"a": [1, 1, 2], "b": [1, 1, 2]})
    assert (margins(people, cells({"a": [1], "b": [1]})) == NOT_LINKED).all()
