"""How long a training lasts and how fast it learns."""

from __future__ import annotations

import numpy as np

WARM_UP = 50
"""Steps over which the learning rate rises."""
FEWEST_STEPS = 300
"""A training has more steps than this, where columns are not redrawn."""
REDRAWN_PART = 6
"""Where columns are redrawn afterwards, one in so many of these steps is taken."""
REDRAWN_RATE = 2.0
"""And the learning rate is so many times that of the settings."""


def step_count(records: int, *, redrawn: bool) -> int:
    """Generator steps for a table of so many records, at most.

    Of few records there is little to learn but who they are. Far fewer where columns are `redrawn` afterwards: what
    more steps sharpen, that does better.
    """
    steps = min(FEWEST_STEPS + records, int(np.clip(1_200 + 0.01 * records, 1_200, 1_600)))
    return max(1, steps // REDRAWN_PART) if redrawn else steps


def rate_at(step: int, fraction: float, *, redrawn: bool = False) -> float:
    """The learning rate, as a share of that of the settings: a short rise, full to the middle, then falling to 2 %.

    All of it is REDRAWN_RATE times as high where columns are `redrawn` afterwards, as there are fewer steps then.
    """
    falling = 1.0 if fraction < 0.5 else 1.0 - 0.98 * (min(fraction, 1.0) - 0.5) / 0.5
    return min(1.0, (step + 1) / WARM_UP) * falling * (REDRAWN_RATE if redrawn else 1.0)
