"""Shrunk leaves say less of what the records in them have by chance, and nothing that none of them has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from synth.shrink import MOST, PART, shrunk

WIDTH = 6
LEAST = 20


def table(n: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """(three columns, ranks that follow the first of them but for a share of noise)."""
    r = np.random.default_rng(seed)
    others = r.integers(0, WIDTH, (n, 3)).astype(np.float32)
    return others, np.where(r.random(n) < noise, r.integers(0, WIDTH, n), others[:, 0].astype(int))


def grown(n: int, seed: int, noise: float) -> tuple[DecisionTreeRegressor, np.ndarray]:
    others, own = table(n, seed, noise)
    tree = DecisionTreeRegressor(min_samples_leaf=LEAST, random_state=0).fit(others, np.eye(WIDTH)[own])
    counts = np.zeros((tree.tree_.node_count, WIDTH))
    np.add.at(counts, (tree.apply(others), own), 1.0)
    return tree, counts


def by_path(tree: DecisionTreeRegressor, counts: np.ndarray) -> np.ndarray:
    """The sum over the path of each leaf, one node after another."""
    inner, strength = tree.tree_, min(MOST, PART * counts.sum())

    def below(node: int) -> np.ndarray:
        if inner.children_left[node] < 0:
            return counts[node]
        return below(inner.children_left[node]) + below(inner.children_right[node])

    found = np.zeros_like(counts)

    def walk(node: int, said: np.ndarray) -> None:
        if inner.children_left[node] < 0:
            kept = np.where(counts[node] > 0, said, 0)
            found[node] = kept / kept.sum()
            return
        whole = below(node)
        for child in (inner.children_left[node], inner.children_right[node]):
            part = below(child)
            walk(child, said + (part / part.sum() - whole / whole.sum()) / (1 + strength / whole.sum()))

    walk(0, below(0) / below(0).sum())
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(LEAST, 8000))
def test_shares_are_those_of_the_formula(seed: int, noise: float, n: int) -> None:
    tree, counts = grown(n, seed, noise)
    found = shrunk(tree, counts)
    assert np.allclose(found, by_path(tree, counts))
    leaves = tree.tree_.children_left < 0
    assert np.allclose(found[leaves].sum(1), 1.0)
    assert (found[~leaves] == 0).all()
    assert (found[counts == 0] == 0).all()
    assert (found[counts > 0] >= 0).all()


@pytest.mark.parametrize("noise", [0.6, 1.0])
def test_other_records_are_told_better(noise: float) -> None:
    """By mean squared error of the shares over ten tables, on records that the trees have not seen."""
    plain, held_back = [], []
    for seed in range(10):
        tree, counts = grown(1500, seed, noise)
        others, own = table(4000, 100 + seed, noise)
        leaf, hot = tree.apply(others), np.eye(WIDTH)[own]
        raw = counts / counts.sum(1, keepdims=True).clip(1)
        plain.append(((raw[leaf] - hot) ** 2).sum(1).mean())
        held_back.append(((shrunk(tree, counts)[leaf] - hot) ** 2).sum(1).mean())
    assert all(after < before for after, before in zip(held_back, plain, strict=True))
