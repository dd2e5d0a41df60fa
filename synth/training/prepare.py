"""What a training needs before its first step: the encoded table, the trees, and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synth.chain.boosted_target import MOST_RECORDS, BoostedTarget, fit_target
from synth.chain.dependency import Dependencies
from synth.chain.residual import ResidualTrees, fit_residuals, uniform_residuals
from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.encode.layout import make_layout, part_of
from synth.encode.rules.declared import without_broken
from synth.encode.rules.order import NEEDED
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import TableError, TrainingError
from synth.gan.step import Material, make_material
from synth.protection import TABLE_RECORDS
from synth.randomness import Rng, some_of
from synth.table.frame import validate
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import TableSource
from synth.training.evaluate import Yardstick, make_yardstick
from synth.training.fit_forest import GrownForest, grow_forest, ranks_of_codes, suits
from synth.training.schedule import step_count

VALIDATION_MOST = 5_000
"""Records kept for validation, at most, where the settings ask for some."""
VALIDATION_TABLE = 2_000
"""Smaller tables keep none and are compared with their training records."""
LEAST_RESIDUALS, MOST_RESIDUALS, CELLS = 20_000, 200_000, 8_000_000
"""Training records that fill the leaves by which residuals are drawn, if there are so many; and these times columns."""
OWN_YARDSTICK = 200_000
"""Training records that stand for themselves where none are kept, at most."""
FITTED, ENCODED, COUNTED, GROWN = 0.3, 0.5, 0.6, 0.9
"""Progress fractions reported after each preparation step: encoders fitted, table encoded, counts and tables ready, and
forests grown."""

Told = Callable[[float], None]
"""Hears the progress, in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """What a training needs before its first step."""

    encoder: TableEncoder
    material: Material
    yardstick: Yardstick
    target: BoostedTarget | None
    """The trees that draw the target last, where the table has one that they can draw"""
    grown: GrownForest
    """The trees by which columns are redrawn; of no column where that does not suit the table"""
    residual: ResidualTrees
    """The trees that draw residuals, where columns are redrawn"""
    steps: int
    """Steps, at most"""
    redrawn: bool
    """Whether columns are redrawn after the steps"""


def prepare(  # noqa: PLR0913 - all but four by name
    table: TableSource,
    schema: TableSchema,
    config: TrainConfig,
    rng: Rng,
    *,
    validation: pd.DataFrame | None,
    scratch: Path | None,
    progress: Told,
    encoder: TableEncoder | None = None,
) -> Prepared:
    """What the training of a table needs, with this `encoder` or one of its own.

    Raises TableError on a table that cannot be learnt.
    """
    table = without_broken(table, schema)
    if len(table) < TABLE_RECORDS:
        raise TableError(f"expected {TABLE_RECORDS} records or more, got {len(table)}")
    if encoder is None:
        encoder = fit_encoder(table, schema, config, rng.spawn("encoder"), progress=part(progress, 0.0, FITTED))
    encoded = encoder.encode(table, rng.spawn("encode"), scratch, progress=part(progress, FITTED, ENCODED))
    layout = make_layout(encoder.widths, encoder.residual_columns, device_of(config))
    given = None
    if validation is not None and len(validation):
        given = encoder.encode(validate(validation, schema), rng.spawn("validation table"))
    training, yardstick = split_validation(encoded, given, config, str(layout.device), rng)
    counts_people = schema.with_role(ColumnRole.PERSON) is None
    redraw = config.redraw and counts_people and suits(len(training.codes), layout.sizes)
    steps = config.steps or step_count(len(table), redrawn=redraw)
    material = make_material(encoder, training, layout, config, rng)
    target = learn_target(material, config, rng)
    drawn_last = [] if target is None else [target.column]
    kept = drawn_last if redraw else list(range(layout.columns))
    told = part(progress, COUNTED, GROWN)
    grown = grow_forest(material, encoder, kept, rng.spawn("redraw"), predicted=config.predictions, progress=told)
    residual = uniform_residuals()
    if redraw and config.residual_trees:
        told = part(progress, GROWN, 1.0)
        residual = learn_residuals(encoder, training, material, rng.spawn("residual").numpy, progress=told)
    progress(1.0)
    return Prepared(
        encoder=kept_beside(encoder, encoder, material.dependencies),
        material=material,
        yardstick=yardstick,
        target=target,
        grown=grown,
        residual=residual,
        steps=steps,
        redrawn=redraw,
    )


def kept_beside(encoder: TableEncoder, learnt: TableEncoder, dependencies: Dependencies) -> TableEncoder:
    """The encoder whose unique rules move no column that decides another one or follows from one.

    The dependencies are of columns as they are `learnt`. Raises RuleError as `RulePlan.without_moving` does.
    """
    return replace(encoder, rules=encoder.rules.without_moving(dependencies.named(learnt.names), NEEDED))


def part(progress: Told, begin: float, end: float) -> Told:
    """What tells `progress` of one part of the whole."""
    return lambda over: progress(begin + (end - begin) * over)


def learn_target(material: Material, config: TrainConfig, rng: Rng) -> BoostedTarget | None:
    """The trees that draw the target last, where the table has one that they can draw."""
    determined = material.dependencies.column.tolist()
    if material.target is None or material.target in determined or not config.target_last:
        return None
    some = part_of(material.codes, MOST_RECORDS, rng.spawn("target records").numpy)
    ranks = ranks_of_codes(some, material.ranking, material.layout)
    # what the target determines would tell the trees what it is, and what another column does no more than that one
    ranks[:, determined] = 0
    return fit_target(ranks, material.target, material.layout.widths.tolist(), rng.spawn("target").numpy)


def learn_residuals(
    encoder: TableEncoder, training: EncodedTable, material: Material, rng: np.random.Generator, *, progress: Told
) -> ResidualTrees:
    """The trees that draw residuals."""
    most = max(LEAST_RESIDUALS, min(MOST_RESIDUALS, CELLS // material.layout.columns))
    rows = some_of(len(training.codes), most, rng)
    codes = torch.from_numpy(training.codes[rows]).to(material.layout.device)
    ranks = ranks_of_codes(codes, material.ranking, material.layout)
    columns, starts = list(encoder.residual_columns), np.asarray(encoder.starts)
    flat = training.codes[rows][:, columns].astype(np.int64) + starts[columns]
    inside = np.where(encoder.is_piece()[flat], (training.residuals[rows].astype(np.float64) + 1) / 2, np.nan)
    return fit_residuals(ranks, inside, columns, rng, progress=progress)


def device_of(config: TrainConfig) -> str:
    """`cuda` or `cpu`. Raises TrainingError where CUDA was asked for and there is none."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device: expected a CUDA device, there is none")
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"


def split_validation(
    table: EncodedTable, given: EncodedTable | None, config: TrainConfig, device: str, rng: Rng
) -> tuple[EncodedTable, Yardstick]:
    """The records to train on, and the yardstick of the others; without others the records are their own yardstick."""
    numpy = rng.spawn("validation").numpy
    n = len(table.codes)
    if given is not None:
        held = torch.from_numpy(given.codes[:VALIDATION_MOST]).to(device)
        return table, make_yardstick(held, numpy, held_out=True)
    kept = min(int(n * config.validation), VALIDATION_MOST) if n >= VALIDATION_TABLE else 0
    order = numpy.permutation(n)
    first, rest = np.sort(order[:kept]), np.sort(order[kept:])
    held = torch.from_numpy(table.codes[first] if kept else table.codes)
    held = (held if kept else part_of(held, OWN_YARDSTICK, numpy)).to(device)
    return (
        EncodedTable(codes=table.codes[rest], residuals=table.residuals[rest]),
        make_yardstick(held, numpy, held_out=kept > 0),
    )
