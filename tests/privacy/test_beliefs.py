"""Belief propagation, against sums over all combinations of values."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from privacy.beliefs import Edge, Hidden, mutual_information, propagate, spanning_tree

PEOPLE, NEIGHBOURS = 6, 9


def hidden(values: int, rng: np.random.Generator) -> Hidden:
    return Hidden(chances=rng.dirichlet(np.ones(values), PEOPLE), nearby=rng.integers(0, values, (PEOPLE, NEIGHBOURS)))


def ratios(first: Hidden, second: Hidden, person: int) -> np.ndarray:
    """P(a, b) / (P(a) P(b)), up to a factor, among one person's neighbours and one spread evenly."""
    shape = first.chances.shape[1], second.chances.shape[1]
    counts = np.full(shape, 1 / (shape[0] * shape[1]))
    for a, b in zip(first.nearby[person], second.nearby[person], strict=True):
        counts[a, b] += 1
    return counts / counts.sum(axis=1, keepdims=True) / counts.sum(axis=0, keepdims=True)


def summed(columns: list[Hidden], edges: tuple[Edge, ...], person: int) -> list[np.ndarray]:
    """The marginals from the probability of every combination."""
    sizes = [column.chances.shape[1] for column in columns]
    tables = [ratios(columns[edge.parent], columns[edge.child], person) for edge in edges]
    marginals = [np.zeros(size) for size in sizes]
    for values in product(*map(range, sizes)):
        chance = np.prod([column.chances[person, value] for column, value in zip(columns, values, strict=True)])
        for edge, table in zip(edges, tables, strict=True):
            chance *= table[values[edge.parent], values[edge.child]]
        for marginal, value in zip(marginals, values, strict=True):
            marginal[value] += chance
    return [marginal / marginal.sum() for marginal in marginals]


@pytest.mark.parametrize(
    "edges",
    [
        (),
        ((0, 1),),
        ((0, 1), (1, 2), (2, 3)),
        ((0, 2), (2, 1), (2, 3), (0, 4)),
    ],
)
def test_beliefs_are_the_marginals_of_all_combinations(edges):
    rng = np.random.default_rng(5)
    columns = [hidden(size, rng) for size in (3, 4, 2, 5, 3)[: len(edges) + 1]]
    tree = tuple(Edge(parent=parent, child=child) for parent, child in edges)
    found = propagate(columns, tree)
    for person in range(PEOPLE):
        for belief, marginal in zip(found, summed(columns, tree, person), strict=True):
            assert belief[person] == pytest.approx(marginal, abs=1e-9)


def test_the_tree_joins_columns_that_go_together_and_names_parents_first():
    rng = np.random.default_rng(1)
    root = rng.integers(0, 4, 2000)
    copy = np.where(rng.random(2000) < 0.9, root, rng.integers(0, 4, 2000))
    copied_again = np.where(rng.random(2000) < 0.9, copy, rng.integers(0, 4, 2000))
    alone = rng.integers(0, 3, 2000)
    edges = spanning_tree([root, alone, copied_again, copy])
    assert {(edge.parent, edge.child) for edge in edges} >= {(0, 3), (3, 2)}
    reached = {0}
    for edge in edges:
        assert edge.parent in reached
        reached.add(edge.child)
    assert reached == {0, 1, 2, 3}


def test_mutual_information_is_the_entropy_of_a_copy_and_nothing_of_a_constant():
    column = np.repeat([0, 1, 2], [500, 300, 200])
    shares = np.array([0.5, 0.3, 0.2])
    assert mutual_information(column, column) == pytest.approx(-(shares * np.log(shares)).sum())
    assert mutual_information(column, np.zeros(1000, dtype=np.intp)) == pytest.approx(0)
