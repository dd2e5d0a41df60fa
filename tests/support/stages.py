"""Stages that only play: they publish what the real ones publish and fail in the ways that tests ask for.

The name of the dataset is the script, e.g. `steps=40 train=raise`; `real=sample+shard` names stages that do not play.
Everything around them is real: the worker, the child process, the context, the files and the database.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
import warnings

from app.pipeline import stage_named
from app.stage_context import StageContext

CELL = "the cell of a record"
STEP_SECONDS = 0.04
STEPS_PER_CHECKPOINT = 5


def run(context: StageContext) -> None:
    """Play the stage that the task names."""
    script = dict(part.split("=") for part in context.task.facts["dataset_name"].split())
    warnings.warn(CELL, stacklevel=1)  # as libraries do
    misbehave(script.get(context.task.stage, ""))
    if context.task.stage in script.get("real", "").split("+"):
        importlib.import_module(stage_named(context.task.stage).module).run(context)
        return
    if context.task.stage == "train":
        train(context, int(script.get("steps", 5)))
    for name in stage_named(context.task.stage).gives:
        context.publish_json(name, answer(context, name, script))
    context.progress(1.0, "played")


def misbehave(how: str) -> None:
    """End this process, or the worker's, in the way that the script asks for."""
    match how:
        case "raise":
            raise ValueError(CELL)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "poison":
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()


def train(context: StageContext, steps: int) -> None:
    """Count the steps from the checkpoint on, and save one every few."""
    start = context.fetch_json("checkpoint")["step"] if "checkpoint" in context.task.inputs else 0
    for step in range(start, steps):
        time.sleep(STEP_SECONDS)
        figures = {"step": step, "pid": os.getpid(), "loss": float("nan")}
        context.progress((step + 1) / steps, "playing", figures)
        if (step + 1) % STEPS_PER_CHECKPOINT == 0:
            context.publish_json("checkpoint", {"step": step + 1})


def answer(context: StageContext, name: str, script: dict[str, str]) -> dict:
    """What the stage publishes under this name."""
    match name:
        case "decision":
            return {
                "verdict": script.get("verdict", "PASS"),
                "policy": context.options.policy,
                "policy_version": "1",
                "reasons": ["played"],
                "auto_release": script.get("auto", "yes") == "yes",
                "four_eyes": False,
            }
        case "sampled":
            return {"rows": 7}
        case "split":
            return {"counts": {"train": 7}}
        case _:
            return {"stage": context.task.stage, "attempt": context.task.attempt}
