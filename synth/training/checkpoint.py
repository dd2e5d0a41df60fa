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
import safetensors
from safetensors.torch import save_file

from synth.artifact import write_whole
from synth.curve import CurvePoint, curve_from_json, curve_to_json, seconds_of
from synth.errors import ArtifactError
from synth.gan.objective import Networks
from synth.gan.step import Material
from synth.training.evaluate import Yardstick

FILE = "checkpoint.safetensors"
FORMAT = 3
"""A checkpoint of another format is that of another training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where and how often a training's state is saved."""

    folder: Path
    interval: float = 30.0
    """Seconds between two saves, at least."""

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


def save_checkpoint(
    checkpoint: Checkpoint, networks: Networks, curve: Sequence[CurvePoint], mark: str, seconds: float
) -> None:
    """Writes the state after so many seconds of training; a crash in the middle leaves the one before.

    Raises StorageError where the folder cannot be written.
    """
    state = {"mark": mark, "step": networks.step, "seconds": seconds, "curve": curve_to_json(curve)}
    tensors = {name: each.detach().cpu().contiguous().clone() for name, each in networks.tensors().items()}
    metadata = {"state": json.dumps(state)}
    write_whole(checkpoint.path, lambda path: save_file(tensors, path, metadata=metadata))


def restore_checkpoint(checkpoint: Checkpoint, networks: Networks, mark: str) -> tuple[list[CurvePoint], float]:
    """(curve, seconds used) of the saved state of this very training, which is put into `networks`.

    No points and no seconds where there is none. Raises ArtifactError where the file is malformed.
    """
    if not checkpoint.path.exists():
        return [], 0.0
    try:
        with safetensors.safe_open(checkpoint.path, framework="pt") as file:
            state = json.loads((file.metadata() or {}).get("state", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise ArtifactError(f"{FILE}: expected a checkpoint ({type(error).__name__})") from error
    if not isinstance(state, dict) or not isinstance(state.get("step"), int):
        raise ArtifactError(f"{FILE}: expected a step")
    if state.get("mark") != mark:
        return [], 0.0
    curve, seconds = curve_from_json(state), seconds_of(state)
    try:
        networks.put(tensors)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ArtifactError(f"{FILE}: expected the tensors of this training ({type(error).__name__})") from error
    networks.step = state["step"]
    return curve, seconds
