"""The state of an unfinished training in one file, so that a resumed training ends where an undisturbed one does.

The exception is a training whose time budget comes into play: where that ends, or how its learning rate falls, follows
the wall time, which is never the same twice. The seconds used so far are saved too, so the budget goes on from there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors
from safetensors.torch import save_file
from torch import Tensor

from synth.artifact import write_whole
from synth.curve import CurvePoint, curve_from_json, curve_to_json, seconds_of
from synth.errors import ArtifactError
from synth.gan.objective import Networks
from synth.gan.step import Material
from synth.table.schema import TableSchema
from synth.table.source import TableSource
from synth.training.evaluate import Yardstick

FILE = "checkpoint.safetensors"
FORMAT = 3
"""A checkpoint of another format is that of another training."""


FINISHED = "finished."
"""Before the names of arrays that a finished stage found."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Finished:
    """What a stage before the steps found; each checkpoint holds it from then on."""

    mark: str
    """Of the training that it is a stage of"""
    seconds: float
    """Of the training, when the stage was over"""
    state: Mapping[str, Any]
    """As JSON values"""
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where and how often a training's state is saved."""

    folder: Path
    interval: float = 30.0
    """Seconds between two saves, at least."""
    finished: Finished | None = None

    @property
    def path(self) -> Path:
        """The one file, replaced as a whole."""
        return self.folder / FILE


def fingerprint(material: Material, yardstick: Yardstick, settings: Mapping[str, Any]) -> str:
    """SHA-256 of the encoded records and the settings: a checkpoint of another training is not taken up."""
    digest = hashlib.sha256(json.dumps({**settings, "format": FORMAT}, sort_keys=True).encode())
    for tensor in (material.codes, material.ranking.order, yardstick.codes):
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).reshape(-1).data)
    return digest.hexdigest()


def fingerprint_of_table(table: TableSource, schema: TableSchema, settings: Mapping[str, Any]) -> str:
    """SHA-256 of the records of a table, column by column, and the settings."""
    known = {**settings, "format": FORMAT, "schema": schema.to_json(), "rules": repr(schema.rules)}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name in schema.names:
        digest.update(pd.util.hash_pandas_object(table.column(name), index=False).to_numpy().data)
    return digest.hexdigest()


def save_finished(checkpoint: Checkpoint) -> None:
    """Writes what the finished stage found. Raises StorageError where the folder cannot be written."""
    _write(checkpoint, {}, {})


def restore_finished(checkpoint: Checkpoint, mark: str) -> Finished | None:
    """What a stage of this very training found; None where it is not finished. Raises ArtifactError as below."""
    state, tensors = _read(checkpoint)
    held = state.get("finished")
    if not isinstance(held, dict) or held.get("mark") != mark or not isinstance(held.get("state"), dict):
        return None
    own = {name.removeprefix(FINISHED): each for name, each in tensors.items() if name.startswith(FINISHED)}
    return Finished(mark=mark, seconds=seconds_of(held), state=held["state"], tensors=own)


def save_checkpoint(
    checkpoint: Checkpoint, networks: Networks, curve: Sequence[CurvePoint], mark: str, seconds: float
) -> None:
    """Writes the state after so many seconds of training; a crash in the middle leaves the one before.

    Raises StorageError where the folder cannot be written.
    """
    state = {"mark": mark, "step": networks.step, "seconds": seconds, "curve": curve_to_json(curve)}
    tensors = {name: each.detach().cpu().contiguous().clone() for name, each in networks.tensors().items()}
    _write(checkpoint, state, tensors)


def _write(checkpoint: Checkpoint, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    held = checkpoint.finished
    if held is not None:
        state["finished"] = {"mark": held.mark, "seconds": held.seconds, "state": held.state}
        tensors |= {FINISHED + name: each.contiguous() for name, each in held.tensors.items()}
    metadata = {"state": json.dumps(state)}
    write_whole(checkpoint.path, lambda path: save_file(tensors, path, metadata=metadata))


def _read(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(state, arrays) of the file; none where there is no file. Raises ArtifactError where it is malformed."""
    if not checkpoint.path.exists():
        return {}, {}
    try:
        with safetensors.safe_open(checkpoint.path, framework="pt") as file:
            state = json.loads((file.metadata() or {}).get("state", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise ArtifactError(f"{FILE}: expected a checkpoint ({type(error).__name__})") from error
    if not isinstance(state, dict) or not ("finished" in state or isinstance(state.get("step"), int)):
        raise ArtifactError(f"{FILE}: expected a step")
    return state, tensors


def restore_checkpoint(checkpoint: Checkpoint, networks: Networks, mark: str) -> tuple[list[CurvePoint], float]:
    """(curve, seconds used) of the saved state of this very training, which is put into `networks`.

    No points and no seconds where there is none. Raises ArtifactError where the file is malformed.
    """
    state, tensors = _read(checkpoint)
    if not state or state.get("mark") != mark:
        return [], 0.0
    if not isinstance(state.get("step"), int):
        raise ArtifactError(f"{FILE}: expected a step")
    curve, seconds = curve_from_json(state), seconds_of(state)
    try:
        networks.put({name: each for name, each in tensors.items() if not name.startswith(FINISHED)})
    except (KeyError, RuntimeError, ValueError) as error:
        raise ArtifactError(f"{FILE}: expected the tensors of this training ({type(error).__name__})") from error
    networks.step = state["step"]
    return curve, seconds
