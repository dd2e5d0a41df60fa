"""Random stages are told apart by name and by nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from synth.errors import SynthError
from synth.randomness import Rng


def test_a_stage_draws_the_same_whatever_others_drew() -> None:
    one, other = Rng(5), Rng(5)
    one.numpy.random(100)
    one.spawn("a").numpy.random(100)
    assert (one.spawn("b").numpy.random(5) == other.spawn("b").numpy.random(5)).all()
    assert torch.equal(
        torch.rand(3, generator=one.spawn("b").torch()), torch.rand(3, generator=other.spawn("b").torch())
    )


def test_stages_and_seeds_differ() -> None:
    rngs = [Rng(0), Rng(1), Rng(0).spawn("a"), Rng(0).spawn("b"), Rng(0).spawn("a").spawn("b"), Rng(0, path=("ab",))]
    assert len({rng.numpy.random() for rng in rngs}) == len(rngs)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SynthError):
        Rng(-1)


def test_numpy_numbers_do_not_load_torch() -> None:
    code = "import sys; from synth.randomness import Rng; Rng(0).numpy.random(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
