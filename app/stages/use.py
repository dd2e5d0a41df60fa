"""What else records are for: completed, imputed, scored, changed, carried over, or few of them chosen.

The result is one ZIP archive. Each table in it that holds real cells, or tells of real records, has its mark.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from app.marks import CHANGED, REAL, SCORES, write_imputed, write_marked
from app.pipeline import LIKE, RESULT
from app.stage_context import StageContext
from app.stages.sample import trained
from app.wire_jobs import UseOptions
from synth.config import TrainConfig
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.frame import read_stored
from synth.uses.adapt import adapt
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.coreset import coreset_of
from synth.uses.impute import TIMES, impute
from synth.uses.odd import odd

FIRST = (1980, 1, 1, 0, 0, 0)
"""The time of all members, so that the same result is the same file."""


def run(context: StageContext) -> None:
    """Publish the archive. Raises SynthError where the records do not fit the model, or cannot be learnt."""
    use = context.options.use
    assert use is not None  # noqa: S101 - jobs of this kind have one
    folder = context.folder / "made"
    folder.mkdir()
    MAKERS[use.use](context, use, folder)
    archive = context.folder / f"{RESULT}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(folder.iterdir()):
            member = zipfile.ZipInfo(path.name, FIRST)
            member.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, out.open(member, "w", force_zip64=True) as sink:
                while chunk := source.read(1 << 20):
                    sink.write(chunk)
    context.publish(RESULT, archive)


def _complete(context: StageContext, use: UseOptions, folder: Path) -> None:
    model = trained(context)
    tables = complete(model, _records(context, model), _rng(context), times=use.times or 1, progress=_told(context))
    write_marked(tables, folder / "completed.csv", model.text_form)


def _impute(context: StageContext, use: UseOptions, folder: Path) -> None:
    table, times = read_stored(context.fetch("table"), context.schema), use.times or TIMES
    config, told = _config(context), _told(context)
    write_imputed(impute(table, context.schema, _rng(context), times=times, config=config, progress=told), folder)


def _odd(context: StageContext, _: UseOptions, folder: Path) -> None:
    model = trained(context)
    found = odd(model, _records(context, model), _rng(context))
    write_marked([found.to_frame()], folder / "odd.csv", contents=SCORES)


def _change(context: StageContext, use: UseOptions, folder: Path) -> None:
    model = trained(context)
    changed = change(model, _records(context, model), context.options.given(), _rng(context))
    contents = REAL if use.release_id is None else CHANGED
    write_marked([changed], folder / "changed.csv", model.text_form, contents=contents)


def _adapt(context: StageContext, _: UseOptions, folder: Path) -> None:
    one, other = (read_stored(context.fetch(name), context.schema) for name in ("table", LIKE))
    found = adapt(one, other, context.schema, _rng(context), config=_config(context))
    write_marked([found.table], folder / "adapted.csv")


def _coreset(context: StageContext, use: UseOptions, folder: Path) -> None:
    """Few of a release's records are a part of the release, and have no mark; few of real ones are real."""
    model, k = trained(context), context.options.rows or 0
    chosen = coreset_of(model, _records(context, model), k, _rng(context))
    contents = REAL if use.release_id is None else None
    write_marked([chosen], folder / "coreset.csv", model.text_form, contents=contents)


MAKERS: Mapping[str, Callable[[StageContext, UseOptions, Path], None]] = {
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
    asked, budget = context.options.generator.max_minutes, context.settings.training_minutes
    minutes = budget if asked is None else min(asked, budget)
    return TrainConfig(protect=False, max_minutes=minutes, device=context.settings.device)


def _told(context: StageContext) -> Callable[[float], None]:
    return lambda done: context.progress(done, "completing records")
