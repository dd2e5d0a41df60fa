"""Trains the generator on the train part alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from app.errors import NotFoundError
from app.split import Part
from app.stage_context import StageContext
from app.stages.tables import read_sealed, sealed_part
from synth.artifact import save
from synth.config import TrainConfig
from synth.curve import CurvePoint
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.training.checkpoint import Checkpoint
from synth.training.fit import fit
from synth.training.prepare import device_of
from synth.training.progress import TrainProgress

KEPT_CHECKPOINTS = 3
"""The newest ones: the worker may not have heard of the last when it dies."""


def run(context: StageContext) -> None:
    """Publish the weights, the model's description and the course of the training.

    Goes on from the checkpoint of an earlier attempt where there is one, and publishes checkpoints of its own.
    """
    config = configure(context)
    checkpoint = checkpoint_of(context)
    model = fit(
        sealed_part(context, Part.TRAIN),
        context.schema,
        config,
        Rng(context.options.seed).spawn("train"),
        validation=read_sealed(context, Part.VALIDATION),
        scratch=context.folder,
        checkpoint=checkpoint,
        progress=Follower(context, checkpoint.path),
    )
    folder = context.folder / "model"
    save(replace(model, delimiter=context.task.facts.get("delimiter") or ","), folder)
    context.publish("weights", folder / "model.safetensors")
    context.publish("model", folder / "model.json")
    context.publish_json("training", course(model, device=device_of(config)))


def checkpoint_of(context: StageContext) -> Checkpoint:
    """Where the training saves its state, with that of an earlier attempt where there is one."""
    checkpoint = Checkpoint(folder=context.folder / "checkpoint", interval=context.settings.checkpoint_seconds)
    if "checkpoint" in context.task.inputs:
        checkpoint.folder.mkdir()
        with suppress(NotFoundError):  # two newer ones were saved before anybody heard of it: the training begins anew
            context.fetch("checkpoint").rename(checkpoint.path)
    return checkpoint


def configure(context: StageContext) -> TrainConfig:
    """The training settings: the defaults, the installation's device and budget, and what the job asked for."""
    wanted = context.options.generator
    budget = context.settings.training_minutes
    return TrainConfig(
        objective=wanted.objective,
        steps=wanted.max_steps,
        validation=0.0,  # the sealed split has set people aside for it, so that every record of train is trained on
        max_minutes=budget if wanted.max_minutes is None else min(wanted.max_minutes, budget),
        device=context.settings.device,
    )


class Follower:
    """Tells how the training goes, and publishes each checkpoint once it is on disk.

    `share` is how much of the stage the training is.
    """

    def __init__(self, context: StageContext, checkpoint: Path, share: float = 1.0) -> None:
        self.share = share
        self.context = context
        self.checkpoint = checkpoint
        self.published = self._stamp()
        self.keys: list[str] = []

    def __call__(self, progress: TrainProgress) -> None:
        """Tell of `progress`."""
        figures = dict(progress.losses)
        if progress.steps:
            figures |= {"step": progress.step, "steps": progress.steps}
        if progress.point is not None:
            figures |= {name: value for name, value in point(progress.point).items() if name != "step"}
        self.context.progress(self.share * progress.fraction, progress.text, figures)
        stamp = self._stamp()
        if stamp != self.published:
            self.keys.append(self.context.publish("checkpoint", self.checkpoint))
            self.published = stamp
            if len(self.keys) > KEPT_CHECKPOINTS:
                self.context.blobs.delete(self.keys.pop(0))

    def _stamp(self) -> int | None:
        return self.checkpoint.stat().st_mtime_ns if self.checkpoint.exists() else None


def course(model: TrainedModel, *, device: str) -> Mapping[str, object]:
    """What the report says of the training."""
    return {
        "objective": model.config.objective,
        "steps": model.steps,
        "seconds": model.seconds,
        "following_seconds": None if model.sequences is None else model.sequences.seconds,
        "device": device,
        "records": model.records,
        "parameters": sum(weight.numel() for weight in model.generator.parameters()),
        "stopped_because": model.ending.value,
        "history": [point(each) for each in model.curve],
        "protected": model.config.protect,
        "minimum_count": model.config.min_count,
        "warnings": list(model.warnings),
    }


def point(each: CurvePoint) -> Mapping[str, float]:
    """One point of the training curve, flat."""
    return {
        "step": each.step,
        **{f"{name}_loss": value for name, value in each.losses.items()},
        "one_way_error": each.one_way,
        "two_way_error": each.two_way,
        **({} if each.nearer_train is None else {"nearer_train_share": each.nearer_train}),
    }
