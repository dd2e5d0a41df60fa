"""What else records are for: completed, imputed, scored, changed, carried over, or few of them chosen.

The result is one ZIP archive. Each table in it that holds real cells, or tells of real records, has its mark.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from app.marks import CHANGED, REAL, SCORES, write_imputed, write_marked
from app.pipeline import LIKE, RESULT
from app.stage_context import StageContext
from app.stages.sample import trained
from app.stages.train import Follower, checkpoint_of
from app.wire_jobs import UseOptions
from synth.config import TrainConfig
from synth.errors import ColumnsWarning, ConditionWarning, RuleWarning
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.frame import read_stored
from synth.table.schema import TableSchema
from synth.training.fit import fit
from synth.uses.adapt import adapt
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.coreset import coreset_of
from synth.uses.impute import impute
from synth.uses.odd import odd
from synth.uses.sizes import TIMES

About = Mapping[str, Any]
"""What is to be known of the tables of a result: `contents`, `notes` and figures; JSON, without a cell"""
FIRST = (1980, 1, 1, 0, 0, 0)
"""The time of all members, so that the same result is the same file."""


TOLD = (RuleWarning, ConditionWarning, ColumnsWarning)
"""Warnings that go with a result."""
ABOUT = "about.json"
"""The member that tells of the others."""
TRAINING = 0.9
"""The share of a use's time in which it trains, where it does."""


def run(context: StageContext) -> None:
    """Publish the archive. Raises SynthError where the records do not fit the model, or cannot be learnt."""
    use = context.options.use
    assert use is not None  # noqa: S101 - jobs of this kind have one
    folder = context.folder / "made"
    folder.mkdir()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        about = MAKERS[use.use](context, use, folder)
    notes = [str(each.message) for each in told if issubclass(each.category, TOLD)]
    for each in told:
        if issubclass(each.category, ColumnsWarning):  # of the model; others count records, which not everybody may see
            context.note(str(each.message))
    _write_about(folder, {**about, "notes": [*about.get("notes", ()), *notes]})
    archive = context.folder / f"{RESULT}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(folder.iterdir()):
            member = zipfile.ZipInfo(path.name, FIRST)
            member.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, out.open(member, "w", force_zip64=True) as sink:
                while chunk := source.read(1 << 20):
                    sink.write(chunk)
    context.publish(RESULT, archive)


def _write_about(folder: Path, about: About) -> None:
    """What is to be known of the tables, without a cell of them; nothing where there is nothing to say."""
    about = {name: value for name, value in about.items() if value}
    if about.keys() - {"contents"}:
        text = json.dumps(about, indent=1, allow_nan=False)
        (folder / ABOUT).write_text(f"{text}\n", encoding="utf-8")


def _complete(context: StageContext, use: UseOptions, folder: Path) -> About:
    model, told = trained(context), _told(context, "completing records")
    tables = complete(model, _records(context, model), _rng(context), times=use.times or 1, progress=told)
    write_marked(tables, folder / "completed.csv", model.text_form)
    return {"contents": REAL}


def _impute(context: StageContext, use: UseOptions, folder: Path) -> About:
    table, training = read_stored(context.fetch("table"), context.schema), Training(context)
    found = impute(
        table,
        context.schema,
        _rng(context),
        times=use.times or TIMES,
        config=_config(context),
        train=training,
        progress=_told(context, "filling missing cells", TRAINING),
    )
    write_imputed(found, folder)
    return {"contents": REAL, "notes": training.notes}


def _odd(context: StageContext, _: UseOptions, folder: Path) -> About:
    model = trained(context)
    found = odd(model, _records(context, model), _rng(context), _told(context, "scoring records"))
    write_marked([found.to_frame()], folder / "odd.csv", contents=SCORES)
    return {"contents": SCORES}


def _change(context: StageContext, use: UseOptions, folder: Path) -> About:
    model, told = trained(context), _told(context, "changing records")
    changed = change(model, _records(context, model), context.options.given(), _rng(context), told)
    contents = REAL if use.release_id is None else CHANGED
    write_marked([changed], folder / "changed.csv", model.text_form, contents=contents)
    return {"contents": contents}


def _adapt(context: StageContext, _: UseOptions, folder: Path) -> About:
    one, other = (read_stored(context.fetch(name), context.schema) for name in ("table", LIKE))
    training, told = Training(context), _told(context, "carrying records over", TRAINING)
    found = adapt(one, other, context.schema, _rng(context), config=_config(context), train=training, progress=told)
    write_marked([found.table], folder / "adapted.csv")
    return {"contents": REAL, "changed": dict(found.changed), "notes": training.notes}


def _coreset(context: StageContext, use: UseOptions, folder: Path) -> About:
    """Few of a release's records are a part of the release, and have no mark; few of real ones are real."""
    model, k = trained(context), context.options.rows or 0
    told = _told(context, "choosing records")
    chosen = coreset_of(model, _records(context, model), k, _rng(context), told)
    contents = REAL if use.release_id is None else None
    write_marked([chosen], folder / "coreset.csv", model.text_form, contents=contents)
    return {"contents": contents}


MAKERS: Mapping[str, Callable[[StageContext, UseOptions, Path], About]] = {
    "complete": _complete,
    "impute": _impute,
    "odd": _odd,
    "change": _change,
    "adapt": _adapt,
    "coreset": _coreset,
}


def _records(context: StageContext, model: TrainedModel) -> pd.DataFrame:
    """The columns of the model that the records have."""
    path = context.fetch("synthetic" if "synthetic" in context.task.inputs else "table")
    return read_stored(path, model.schema, pq.read_schema(path).names)


def _rng(context: StageContext) -> Rng:
    return Rng(context.options.seed).spawn(context.task.stage)


def _config(context: StageContext) -> TrainConfig:
    """Rare values are not protected: the result holds real cells anyhow, and is not to leave."""
    wanted, budget = context.options.generator, context.settings.training_minutes
    minutes = budget if wanted.max_minutes is None else min(wanted.max_minutes, budget)
    return TrainConfig(protect=False, steps=wanted.max_steps, max_minutes=minutes, device=context.settings.device)


class Training:
    """Trains as `fit` does, tells of it, goes on from the checkpoint of an earlier attempt, and keeps the warnings."""

    def __init__(self, context: StageContext) -> None:
        self.context = context
        self.notes: tuple[str, ...] = ()

    def __call__(self, table: pd.DataFrame, schema: TableSchema, config: TrainConfig, rng: Rng) -> TrainedModel:
        """The model of the table."""
        context, checkpoint = self.context, checkpoint_of(self.context)
        told = Follower(context, checkpoint.path, TRAINING)
        model = fit(table, schema, config, rng, scratch=context.folder, checkpoint=checkpoint, progress=told)
        self.notes = model.warnings
        return model


def _told(context: StageContext, what: str, before: float = 0.0) -> Callable[[float], None]:
    """Tells how far this is, after that share of the stage. What is first is told at once."""
    if not before:
        context.progress(0.0, what)
    return lambda done: context.progress(before + (1 - before) * done, what)
