"""Pieces give back the distribution that they were cut from."""

from __future__ import annotations

import numpy as np

from synth.encode.fit_numeric import fit_piece
from synth.encode.modes import Piece, quantiles


def test_a_piece_maps_ranks_to_quantiles() -> None:
    x = np.sort(np.random.default_rng(0).exponential(1, 2000))
    piece = fit_piece(x, np.arange(2000), 5)
    ranks = np.linspace(0.02, 0.95, 50)
    assert np.allclose(quantiles((piece,), np.zeros(50, np.int32), ranks), np.quantile(x, ranks), atol=0.1)


def test_quantiles_of_all_pieces_are_those_of_each() -> None:
    """As an interpolation piece by piece has them, and rising inside each."""
    r = np.random.default_rng(0)
    pieces = []
    for _ in range(40):
        knots = int(r.integers(2, 9))
        ranks = np.r_[0.0, np.sort(r.choice([0.0, 0.25, 0.5, *r.random(4), 1.0], knots - 2)), 1.0]
        values = np.sort(r.choice([*r.normal(size=3), *(1e6 * r.normal(size=3))], knots))
        pieces.append(Piece(ranks=tuple(ranks), values=tuple(values)))
    number = r.integers(40, size=20_000).astype(np.int32)
    rank = np.where(r.random(20_000) < 0.2, r.choice([0.0, 0.25, 0.5, 1.0], 20_000), r.random(20_000))
    found = quantiles(tuple(pieces), number, rank)
    for i, piece in enumerate(pieces):
        mine = number == i
        expected = np.interp(rank[mine], piece.ranks, piece.values)
        np.testing.assert_allclose(found[mine], expected, rtol=1e-9, atol=1e-6)
        order = np.argsort(rank[mine], kind="stable")
        assert (np.diff(found[mine][order]) >= 0).all()
