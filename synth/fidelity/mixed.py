"""Real records in the shares that a synthetic table was made to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST = 100
"""Records of each table that distances can be measured on."""
LEAST_SHARE = 0.01
"""A cell with a smaller share of the synthetic records may come short: one that few real people are in would otherwise
decide how many of all others there are."""

Cells = NDArray[np.int64]


def thinned(real: Cells, synthetic: Cells, rng: np.random.Generator, *, together: bool = False) -> NDArray[np.int64]:
    """Places of as many real records as can be had in the shares of the synthetic ones without one of them twice.

    Both are the cell of each record; a negative one is left out. Of cells that come short each may have LEAST_SHARE, or
    all `together`: then many small ones do not hide that few real people are in them.
    """
    size = int(max(real.max(initial=0), synthetic.max(initial=0))) + 1
    held, made = (np.bincount(each[each >= 0], minlength=size) for each in (real, synthetic))
    shares = made / max(made.sum(), 1)
    wanted = shares >= LEAST_SHARE
    if together:
        order = np.argsort(shares, kind="stable")
        wanted[order] = np.cumsum(shares[order]) > LEAST_SHARE
    if not wanted.any():
        return np.zeros(0, dtype=np.int64)
    total = (held[wanted] / shares[wanted]).min()
    quota = np.minimum(np.floor(total * shares + 1e-9).astype(np.int64), held)
    order = rng.permutation(len(real))
    found = [order[real[order] == cell][: quota[cell]] for cell in np.flatnonzero(quota)]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
