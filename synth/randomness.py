"""Random numbers as an argument: one seed, a generator for each named stage, no global state."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synth.errors import SynthError

if TYPE_CHECKING:
    import torch


class Rng:
    """Random generators that depend on a seed and on the names of the stages that led here, and on nothing else.

    `Rng(7).spawn("train")` draws the same numbers however much another stage drew before it. The generators keep state:
    two draws from one `Rng` differ.
    """

    def __init__(self, seed: int, *, path: tuple[str, ...] = ()) -> None:
        if seed < 0:
            raise SynthError(f"expected a seed of 0 or more, got {seed}")
        self.seed = seed
        self.path = path

    def spawn(self, name: str) -> Rng:
        """A generator for the stage `name`, independent of this one and of every other stage."""
        return Rng(self.seed, path=(*self.path, name))

    def entropy(self) -> int:
        """256 bits derived from the seed and the path (SHA-256, so stable over Python versions and processes)."""
        text = "\x00".join((str(self.seed), *self.path))
        return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")

    @cached_property
    def numpy(self) -> np.random.Generator:
        """The numpy generator of this stage."""
        return np.random.Generator(np.random.PCG64(self.entropy()))

    def torch(self, device: str = "cpu") -> torch.Generator:
        """A new torch generator on `device`, at the start of this stage's stream. Imports torch."""
        import torch as _torch  # noqa: PLC0415 - `privacy` and the web process use Rng and must not load torch

        return _torch.Generator(device=device).manual_seed(self.entropy() % (2**63))


def some_of(n: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most so many of the numbers below n, ascending; all of them, or as many drawn at random."""
    if n <= most:
        return np.arange(n)
    return np.sort(rng.choice(n, most, replace=False))
