"""Joint shares with given margins: iterative proportional fitting (Deming & Stephan 1940).

Of all with these margins they have the least Kullback-Leibler divergence from the given ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synth.errors import ConditionError
from synth.table.mix import columns_said

ROUNDS = 500
"""Of fitting margins, at most."""
NEAR = 1e-9
"""Fitted margins may miss theirs by so much."""


def nearest_joint(
    held: NDArray[np.float64], margins: Sequence[NDArray[np.float64]], names: Sequence[str]
) -> NDArray[np.float64]:
    """The joint shares nearest to those of the numbers `held`, one axis for each mix, that have the margins.

    Raises ConditionError, which names the columns, where there are none: cells that nobody holds stay empty.
    """
    joint, shape = held / max(held.sum(), 1.0), held.shape
    for _ in range(ROUNDS):
        for axis, margin in enumerate(margins):
            others = tuple(i for i in range(len(shape)) if i != axis)
            now = joint.sum(axis=others, keepdims=True)
            asked = margin.reshape([-1 if i == axis else 1 for i in range(len(shape))])
            joint = joint * np.divide(asked, now, out=np.zeros_like(now), where=now > 0)
        if all(
            np.allclose(joint.sum(tuple(i for i in range(len(shape)) if i != a)), m, atol=NEAR)
            for a, m in enumerate(margins)
        ):
            found: NDArray[np.float64] = joint
            return found
    raise ConditionError(
        f"mix: {columns_said(names)}: expected shares that records can have together, got others; ask for shares of"
        " fewer columns"
    )
