"""Training and sampling without a service: on every record of the file, with no split, no attacks and no verdict."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.cli.columns import show_columns
from app.cli.correct import corrected, with_target
from app.cli.exits import CommandError, Exit
from app.cli.rules import show_broken, show_rules
from app.cli.screen import Screen, Told, figures_text
from app.config import Settings
from app.errors import ServiceError
from app.intake.errors import IntakeError
from app.intake.model import IntakeLimits, ReadOptions
from app.intake.read import ingest
from app.marks import whole
from synth.artifact import load, save
from synth.config import DEFAULT_OBJECTIVE, Device, Objective, TrainConfig
from synth.errors import ColumnsWarning, ConditionWarning, RuleWarning, SynthError
from synth.randomness import Rng
from synth.sampling.wanted import Wanted, wanted_batches
from synth.table.frame import write_batches
from synth.table.mix import Augment, Mix
from synth.table.ranges import Condition
from synth.table.schema import TableSchema
from synth.table.source import ParquetTable
from synth.training.fit import fit
from synth.training.progress import TrainProgress

LIMITS_OF_SMALL = IntakeLimits(min_rows=1, min_columns=1)
"""Of tables of which a model knows the columns already."""
NOTED = (ColumnsWarning, ConditionWarning, RuleWarning)
"""Warnings that are said beside the result."""
MODEL_FILES = frozenset({"model.json", "model.safetensors"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """How a file is read and learnt."""

    seed: int = 0
    max_minutes: float = 60.0
    device: Device = "auto"
    objective: Objective = DEFAULT_OBJECTIVE
    target: str | None = None
    person: str | None = None
    order: str | None = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`kinds`, `roles` and `missing` by column, where they were said."""
    rules: tuple[str, ...] = ()
    """Rules between columns that synthetic records keep."""
    find_rules: bool = True
    without_rules: tuple[str, ...] = ()
    leave_out: bool = False
    """Whether records that break one of `rules` are not learnt."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How the file is to be read, where that was said: the fields of `ReadOptions`."""

    def config(self) -> TrainConfig:
        """How the generator is trained."""
        return TrainConfig(objective=self.objective, max_minutes=self.max_minutes, device=self.device)

    def schema_of(self, proposed: TableSchema, parquet: Path) -> TableSchema:
        """The schema with what was said of columns, roles and rules. Raises SynthError where that cannot be."""
        schema = with_target(corrected(proposed, self.columns, parquet), self.target, parquet)
        schema = schema.with_roles(person=self.person, order=self.order)
        return schema.with_rules(
            *self.rules, find=self.find_rules, without=self.without_rules, leave_out=self.leave_out
        )


def fit_file(screen: Screen, train: Path, out: Path, wanted: Training) -> None:
    """`out` holds a generator trained on every record of `train`. Raises CommandError on bad input."""
    with refusals():
        _expect_model_folder(out)
        with tempfile.TemporaryDirectory(prefix="lookalike-") as folder, screen.work("reading the table") as told:
            parquet = Path(folder) / "table.parquet"
            reading = ReadOptions(**wanted.reading)
            intake = ingest(train, parquet, filename=train.name, limits=limits(), options=reading)
            schema = wanted.schema_of(intake.schema, parquet)
            for warning in intake.warnings:
                screen.note(f"note: {warning}")
            show_columns(screen, schema.to_json())
            table = ParquetTable(parquet, schema)
            show_broken(screen, table, schema)
            model = fit(
                table,
                schema,
                wanted.config(),
                Rng(wanted.seed).spawn("train"),
                checkpoint=None,
                progress=_telling(told),
            )
            records = len(table)
        show_rules(screen, model)
        for warning in model.warnings:
            screen.note(f"note: {warning}")
        out.mkdir(parents=True, exist_ok=True)
        save(replace(model, delimiter=intake.delimiter or ","), out)
    screen.say(f"trained on {records:,} records: {out}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """What is drawn from a model."""

    rows: int
    seed: int = 0
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    mix: tuple[str, ...] = ()
    augment: str | None = None
    """More records of one category, beside so many rows"""

    def wanted(self) -> Wanted:
        """What is drawn. Raises SynthError where a mix cannot be read."""
        return Wanted(
            rows=self.rows,
            conditions=self.conditions,
            mixes=[Mix.parse(text) for text in self.mix],
            augment=None if self.augment is None else Augment.parse(self.augment),
        )


def sample_model(screen: Screen, model: Path, out: Path, wanted: Sampling) -> None:
    """`out` holds synthetic records of the mix, all of which meet the conditions. Raises CommandError on bad input."""
    with refusals(), noted(screen):
        trained, rng = load(model), Rng(wanted.seed).spawn("sample")
        with screen.work("sampling") as told:

            def progress(fraction: float) -> None:
                told(fraction, "sampling")

            batches = wanted_batches(trained, wanted.wanted(), rng, progress=progress)
            with whole(out) as part:
                sink = {"parquet" if out.suffix == ".parquet" else "csv": part}
                written = write_batches(batches, **sink, schema=trained.schema, text=trained.text_form)
    screen.say(f"{written:,} synthetic records, not attacked: {out}")


@contextmanager
def refusals() -> Iterator[None]:
    """What the rooms refuse becomes a sentence and the exit code of bad input."""
    try:
        yield
    except (SynthError, IntakeError, ServiceError) as error:
        raise CommandError(str(error), Exit.BAD_INPUT) from error


@contextmanager
def noted(screen: Screen) -> Iterator[None]:
    """Warnings of rules, conditions and columns become notes, each once, and all others are warned of as they came."""
    with warnings.catch_warnings(record=True) as told:
        for kind in NOTED:
            warnings.simplefilter("always", kind)
        yield
    notes = dict[str, None]()
    for each in told:
        if issubclass(each.category, NOTED):
            notes[str(each.message)] = None
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    for note in notes:
        screen.note(f"note: {note}")


def expect_place(out: Path) -> None:
    """Raises CommandError, before any work, where no folder above `out` can be written to."""
    above = next(each for each in out.absolute().parents if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise CommandError(
            f"--out: expected a path in a folder that you may write to, and {above} is not one; name another path",
            Exit.BAD_INPUT,
        )


def _expect_model_folder(out: Path) -> None:
    """Refuse to write a model between files that are not one."""
    expect_place(out)
    if out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= MODEL_FILES):
        raise CommandError("expected MODEL/ to be new, empty or a model, got something else", Exit.BAD_INPUT)


def limits() -> IntakeLimits:
    """How much one table may be, as the installation's settings say."""
    settings = Settings()
    return IntakeLimits(
        max_bytes=settings.max_upload_bytes,
        max_decompressed_bytes=settings.max_decompressed_bytes,
        max_columns=settings.max_columns,
        max_rows=settings.max_rows,
    )


def _telling(told: Told) -> Callable[[TrainProgress], None]:
    """What hears of the training's progress and tells the screen."""
    known: dict[str, float] = {}

    def heard(progress: TrainProgress) -> None:
        if progress.point is not None:
            known["shape distance"] = progress.point.one_way
        told(progress.fraction, f"{progress.text}{figures_text(known)}")

    return heard
