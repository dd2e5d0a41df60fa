"""A trained model in a folder: weights (safetensors) and state (JSON). Nothing in it is executed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from synth.chain.chain import Chain, taken
from synth.config import TrainConfig
from synth.curve import Ending, curve_from_json, curve_to_json, seconds_of
from synth.encode.base import count_of, list_of, text_of
from synth.encode.ranking import Ranking, ranking_of
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.table_encoder import TableEncoder
from synth.errors import ArtifactError, StorageError, SynthError
from synth.gan.objective import OBJECTIVES, AnyGenerator
from synth.model import TrainedModel
from synth.sequences.forest import PART
from synth.sequences.sequences import Sequences
from synth.table.schema import DELIMITERS, TableSchema

FORMAT = "lookalike-model"
VERSION = 6
READABLE = (5, VERSION)
"""Versions that are read: models of version 5 keep no rules between columns and no sequences."""
RETIRED: Mapping[str, str | None] = {
    "critic_every": "look_every",
    **dict.fromkeys(("critic_weight", "critic_start", "critic_trees", "target_trees", "leaves", "slice_weight")),
}
"""Settings that files of earlier versions hold, with what each is called now: None where nothing is left of it."""
STATE_BYTES = 256 * 2**20
"""model.json is refused above this size."""


def save(model: TrainedModel, folder: str | os.PathLike[str]) -> None:
    """Writes model.safetensors and model.json into `folder`, made where it is missing; each appears whole or not.

    Raises StorageError where the folder cannot be written.
    """
    folder = Path(folder)
    tensors = {f"generator.{k}": v for k, v in model.generator.state_dict().items()}
    tensors |= model.chain.tensors()
    if model.together is not None:
        tensors["together"] = model.together
    if model.absent is not None:
        tensors["absent"] = model.absent
    sequences = model.sequences
    if sequences is not None:
        tensors |= {f"{PART}.{name}": each for name, each in sequences.forest.tensors().items()}
    held = {**tensors, "counts": model.counts, "order": model.ranking.order}
    tensors = {name: tensor.contiguous() for name, tensor in held.items()}
    write_whole(folder / "model.safetensors", lambda path: save_file(tensors, path))
    state = {
        "format": FORMAT,
        "version": VERSION,
        "schema": model.encoder.schema.to_json(),
        "encoder": model.encoder.to_json(),
        "rules": plan_to_json(model.of_records.rules),
        "config": model.config.to_json(),
        "records": model.records,
        "steps": model.steps,
        "ending": model.ending.value,
        "warnings": list(model.warnings),
        "seconds": model.seconds,
        "curve": curve_to_json(model.curve),
        "delimiter": model.delimiter,
    } | ({} if sequences is None else {"sequences": sequences.to_json()})
    text = json.dumps(state, indent=1, allow_nan=False)
    write_whole(folder / "model.json", lambda path: path.write_text(text, encoding="utf-8"))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` make a file that then takes the place of `path`, on disk as a whole or not at all.

    Raises StorageError where the folder cannot be made or written, or the disk is full; what was there stays.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise StorageError(f"{path.name}: expected a folder that can be written ({type(error).__name__})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def load(folder: str | os.PathLike[str]) -> TrainedModel:
    """The model that `save` wrote. Raises ArtifactError on a file that is missing, of another version or malformed."""
    folder = Path(folder)
    state = _read_state(folder / "model.json")
    try:
        schema = TableSchema.from_json(list_of(state, "schema"))
        config = _settings(_object(state, "config"))
        rules = RulePlan() if PART in state else plan_from_json(_rules_in(state), schema)  # else of people's records
        encoder = TableEncoder.from_json(state.get("encoder"), schema, rules)
    except ArtifactError:
        raise
    except SynthError as error:
        raise ArtifactError(f"model.json: {error}") from error
    tensors = _read_tensors(folder / "model.safetensors")
    generator = _read_generator(tensors, config, encoder)
    chain = Chain.from_tensors(tensors, encoder.widths, len(encoder.residual_columns))
    counts = tensors.pop("counts", None)
    if counts is None or counts.dtype != torch.int64 or counts.shape != (sum(encoder.widths),):
        raise ArtifactError("counts: expected one integer for each code")
    ranking = _read_ranking(tensors, encoder)
    sequences = _read_sequences(state, tensors, schema)
    together = _read_square(tensors, "together", len(counts), "codes")
    absent = _read_square(tensors, "absent", len(encoder.widths), "columns")
    if bool((counts < 0).any()) or int(counts.sum()) == 0 or tensors:
        raise ArtifactError("model.safetensors: expected counts of 0 or more, and no other tensors")
    return TrainedModel(
        encoder=encoder,
        config=config,
        generator=generator,
        counts=counts,
        ranking=ranking,
        together=together,
        absent=absent,
        chain=chain,
        records=count_of(state, "records"),
        steps=count_of(state, "steps"),
        ending=Ending(text_of(state, "ending", among=[e.value for e in Ending])),
        warnings=_sentences(state),
        seconds=seconds_of(state),
        sequences=sequences,
        curve=tuple(curve_from_json(state)),
        delimiter=text_of({"delimiter": ",", **state}, "delimiter", among=DELIMITERS),
    )


def _read_state(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > STATE_BYTES:
            raise ArtifactError(f"model.json: expected at most {STATE_BYTES} bytes")
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"model.json: expected a JSON file ({type(error).__name__})") from error
    if not isinstance(state, dict):
        raise ArtifactError("model.json: expected an object")
    text_of(state, "format", among=(FORMAT,))
    if count_of(state, "version") not in READABLE:
        raise ArtifactError(f"version: expected {' or '.join(map(str, READABLE))}, got {state['version']}")
    return state


def _settings(values: Mapping[str, object]) -> TrainConfig:
    """The settings in a file, by their names of today. Raises SynthError as `TrainConfig.from_json` does."""
    named = {RETIRED.get(name, name): value for name, value in values.items()}
    return TrainConfig.from_json({name: value for name, value in named.items() if name is not None})


def _object(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = state.get(name)
    if not isinstance(value, dict):
        raise ArtifactError(f"{name}: expected an object")
    return value


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise ArtifactError(f"model.safetensors: expected a safetensors file ({type(error).__name__})") from error
    return tensors


def _read_generator(tensors: dict[str, Tensor], config: TrainConfig, encoder: TableEncoder) -> AnyGenerator:
    mine = taken(tensors, "generator")
    widest = max((max(t.shape, default=0) for t in mine.values()), default=0)
    if config.width > widest or config.noise > widest or config.blocks > len(mine):
        raise ArtifactError("model.safetensors: expected weights of the size that the settings give")
    try:
        generator = OBJECTIVES[config.objective].blank(config, sum(encoder.widths), len(encoder.residual_columns))
    except SynthError as error:
        raise ArtifactError(f"model.json: {error}") from error
    wanted = generator.state_dict()
    for name, held in wanted.items():
        got = mine.get(name)
        if got is None or got.shape != held.shape or got.dtype != held.dtype:
            raise ArtifactError(f"{name}: expected a tensor of shape {list(held.shape)} and type {held.dtype}")
        if got.is_floating_point() and not bool(torch.isfinite(got).all()):
            raise ArtifactError(f"{name}: expected finite numbers only")
    if set(mine) != set(wanted):
        raise ArtifactError("model.safetensors: expected no other tensors than the generator's")
    generator.load_state_dict(mine)
    return generator.eval().requires_grad_(requires_grad=False)


def _rules_in(state: Mapping[str, Any]) -> object:
    """The state of the rules; older files have none."""
    return state.get("rules", {"rules": [], "steps": []})


def _read_sequences(state: Mapping[str, Any], tensors: dict[str, Tensor], schema: TableSchema) -> Sequences | None:
    """What the model knows of people with several records; None where each record is of another person."""
    of_sequences = taken(tensors, PART)
    if PART not in state:
        if of_sequences:
            raise ArtifactError("sequences: expected what their trees are of")
        return None
    sequences = Sequences.from_json(_object(state, PART), of_sequences, _rules_in(state))
    if not sequences.fits(schema):
        raise ArtifactError("sequences: expected the columns of the table of people, and how many records each has")
    return sequences


def _read_square(tensors: dict[str, Tensor], name: str, size: int, what: str) -> Tensor | None:
    """(size, size) truth values; None where the file has none."""
    square = tensors.pop(name, None)
    if square is not None and (square.dtype != torch.bool or square.shape != (size, size)):
        raise ArtifactError(f"{name}: expected a truth value for each two {what}")
    return square


def _read_ranking(tensors: dict[str, Tensor], encoder: TableEncoder) -> Ranking:
    order, codes = tensors.pop("order", None), torch.arange(sum(encoder.widths))
    if order is None or order.dtype != torch.int64 or order.shape != codes.shape:
        raise ArtifactError("order: expected one integer for each code")
    column = torch.repeat_interleave(torch.tensor(encoder.widths))
    known = bool(((order >= 0) & (order < len(codes))).all())
    if not known or not torch.equal(order.sort().values, codes) or not torch.equal(column[order], column):
        raise ArtifactError("order: expected each code once, inside of its column")
    return ranking_of(order)


def _sentences(state: Mapping[str, Any]) -> tuple[str, ...]:
    values = state.get("warnings")
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ArtifactError("warnings: expected a list of sentences")
    return tuple(values)
