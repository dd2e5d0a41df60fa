"""Shadow generators: many small generators trained at once, each on the common records and on some targets of its own.

They stand in for the real generator in the attack that compares models trained with and without one person's record.
What they share with it: the encoder, the conditions, the losses on tables, the averaged weights, the settled batch
norms. What they lack: width, steps, and the chain that redraws columns, with its last critic.
Leaks through these alone are thus not seen. Two-way tables are matched with what is chance in them, so through those
shadows leak more than the real generator does.

The encoder is fitted on the common records alone. A shadow that fitted its own would cost as much as all of the
training; so a value that is emitted only because a target is its last missing holder (`min_count`) is not seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.config import Device, TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import Layout, draw_codes, make_layout, softmax_by_column
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import TableError, TrainingError
from synth.randomness import Rng
from synth.shadow.step import (
    ShadowConditions,
    ShadowGoals,
    ShadowNets,
    Stats,
    make_goals,
    make_nets,
    rate_at,
    shadow_conditions,
    shadow_loss,
)
from synth.table.schema import TableSchema

MOST_CODES = 1_500
"""More codes than this, and the two-way tables of many generators do not fit beside one another."""
CPU_BYTES = 2**30
CUDA_BYTES = 12 * 2**30
TABLES, BATCHES = 8, 16
"""About how many (D, D) tables and (batch, D) arrays each generator needs at once."""
SETTLING = 4096
"""Records from which the batch norms take their statistics."""
SAMPLED = 8192
"""Records drawn at a time."""
REPORT_EVERY = 10

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShadowConfig:
    """How shadow generators are built and trained."""

    steps: int = 600
    batch: int = 500
    noise: int = 64
    width: int = 128
    blocks: int = 1
    rate: float = 2e-3
    log_share: float = 0.25
    ema: float = 0.99
    together: int = 64
    """Generators in one batched computation, at most; fewer where memory is short."""
    rows: int | None = None
    """Records of each synthetic table; None draws as many as `base` has."""
    encoding: TrainConfig = field(default_factory=TrainConfig)
    """How the encoder is fitted (`protect`, `min_count`, `max_modes`); the rest of it is not used."""
    device: Device = "auto"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Trained:
    nets: ShadowNets
    conditions: ShadowConditions
    stats: Stats


def shadow_tables(
    base: pd.DataFrame,
    targets: pd.DataFrame,
    membership: Flags,
    schema: TableSchema,
    *,
    rng: Rng,
    config: ShadowConfig,
    progress: Callable[[float], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """One synthetic table for each row of the (models, targets) `membership`, in order.

    Model m learns all records of `base`, and those of `targets` where `membership[m]` is true. `progress` is told the
    fraction of the training done, in [0, 1]; what it raises ends the training. Raises TableError where there are no
    records, nothing to learn or too many codes, and TrainingError where a generator did not converge to numbers.
    """
    if membership.ndim != 2 or membership.shape[1] != len(targets):
        raise TableError(f"expected a membership for each of {len(targets)} targets, got the shape {membership.shape}")
    if len(base) == 0:
        raise TableError("expected at least one record that all shadow generators learn, got none")
    encoder = fit_encoder(base, schema, config.encoding, rng.spawn("encoder"))
    device = device_of(config)
    layout = make_layout(encoder.widths, encoder.residual_columns, device)
    if layout.codes > MOST_CODES:
        raise TableError(f"expected at most {MOST_CODES} codes for shadow generators, got {layout.codes}")
    common, special = (_codes(encoder, part, rng.spawn(name), device) for part, name in ((base, "b"), (targets, "t")))
    member = torch.from_numpy(membership.astype(np.float32)).to(device)
    rows = len(base) if config.rows is None else config.rows
    together = _together(layout, config)
    goals = make_goals(common, special, member[:together], layout)
    for begin in range(0, len(member), together):
        some = member[begin : begin + together]
        goals = goals.for_members(some)
        stage = rng.spawn(f"models {begin}")
        done = (begin / len(member), len(some) / len(member))
        trained = _train(goals, config, stage, _part(progress, *done))
        for model in range(len(some)):
            yield _sample(trained, model, rows, encoder, layout, stage.spawn(f"sample {model}"))


def device_of(config: ShadowConfig) -> str:
    """`cpu` or `cuda`."""
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def _codes(encoder: TableEncoder, part: pd.DataFrame, rng: Rng, device: str) -> Tensor:
    return torch.from_numpy(encoder.encode(part, rng).codes).to(device, torch.int32)


def _together(layout: Layout, config: ShadowConfig) -> int:
    room = CUDA_BYTES if layout.device.type == "cuda" else CPU_BYTES
    each = 4 * layout.codes * (TABLES * layout.codes + BATCHES * config.batch)
    return max(1, min(config.together, room // each))


def _part(progress: Callable[[float], None] | None, begin: float, share: float) -> Callable[[float], None]:
    return (lambda _fraction: None) if progress is None else (lambda fraction: progress(begin + share * fraction))


def _train(goals: ShadowGoals, config: ShadowConfig, rng: Rng, progress: Callable[[float], None]) -> _Trained:
    random = rng.spawn("train").torch(str(goals.layout.device))
    conditions = shadow_conditions(goals, config.log_share)
    nets = make_nets(goals, noise=config.noise, width=config.width, blocks=config.blocks, random=random)
    average = nets.copy()
    held, new = list(average.weights()), [weight.requires_grad_() for weight in nets.weights()]
    adam = torch.optim.Adam(new, config.rate, (0.0, 0.9))
    running = goals.pairs
    for step in range(config.steps):
        if step % REPORT_EVERY == 0:
            progress(step / config.steps)
        for group in adam.param_groups:
            group["lr"] = config.rate * rate_at(step, config.steps)
        loss, running = shadow_loss(nets, goals, conditions, running, batch=config.batch, random=random)
        adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(held, new, 1 - min(config.ema, (1 + step) / (10 + step)))
    progress(1.0)
    if not all(bool(torch.isfinite(weight).all()) for weight in held):
        raise TrainingError("expected weights that are numbers, got others: the shadow generators diverged")
    with torch.no_grad():
        noise = torch.randn(len(goals.member), SETTLING, config.noise, generator=random, device=goals.layout.device)
        _, stats = average(noise, conditions.draw(SETTLING, random))
    return _Trained(nets=average, conditions=shadow_conditions(goals, 0.0), stats=stats)


def _sample(trained: _Trained, model: int, rows: int, encoder: TableEncoder, layout: Layout, rng: Rng) -> pd.DataFrame:
    random = rng.torch(str(layout.device))
    own = slice(model, model + 1)
    nets, stats = trained.nets.only(model), [(mean[own], variance[own]) for mean, variance in trained.stats]
    conditions = ShadowConditions(
        cumulative=trained.conditions.cumulative[own], weights=trained.conditions.weights[own]
    )
    drawn = [torch.zeros(0, layout.columns, dtype=torch.long, device=layout.device)]
    with torch.no_grad():
        for begin in range(0, rows, SAMPLED):
            some = min(SAMPLED, rows - begin)
            noise = torch.randn(1, some, nets.noise, generator=random, device=layout.device)
            logits, _ = nets(noise, conditions.draw(some, random), stats)
            drawn.append(draw_codes(softmax_by_column(logits[0], layout), layout, random))
    numbers = rng.spawn("values").numpy
    residuals = numbers.uniform(-1, 1, (rows, len(layout.residual_columns))).astype(np.float32)
    codes = torch.cat(drawn).cpu().numpy().astype(np.int32)
    return encoder.decode_values(EncodedTable(codes=codes, residuals=residuals), numbers)
