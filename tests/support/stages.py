"""Stages that only play: they publish what the real ones publish and fail in the ways that tests ask for.

The name of the dataset is the script, e.g. `steps=40 train=raise`. Everything around them is real: the worker, the
child process, the desk, the files and the database.
"""

from __future__ import annotations

import os
import signal
import time
import warnings

from app.desk import Desk
from app.pipeline import stage_named

CELL = "the cell of a record"
STEP_SECONDS = 0.04
STEPS_PER_CHECKPOINT = 5


def run(desk: Desk) -> None:
    """Play the stage that the task names."""
    script = dict(part.split("=") for part in desk.task.facts["dataset_name"].split())
    warnings.warn(CELL, stacklevel=1)  # as libraries do
    misbehave(script.get(desk.task.stage, ""))
    if desk.task.stage == "train":
        train(desk, int(script.get("steps", 5)))
    for name in stage_named(desk.task.stage).gives:
        desk.publish_json(name, answer(desk, name, script))
    desk.progress(1.0, "played")


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


def train(desk: Desk, steps: int) -> None:
    """Count the steps from the checkpoint on, and save one every few."""
    start = desk.fetch_json("checkpoint")["step"] if "checkpoint" in desk.task.inputs else 0
    for step in range(start, steps):
        time.sleep(STEP_SECONDS)
        figures = {"step": step, "pid": os.getpid(), "loss": float("nan")}
        desk.progress((step + 1) / steps, "playing", figures)
        if (step + 1) % STEPS_PER_CHECKPOINT == 0:
            desk.publish_json("checkpoint", {"step": step + 1})


def answer(desk: Desk, name: str, script: dict[str, str]) -> dict:
    """What the stage publishes under this name."""
    match name:
        case "decision":
            return {
                "verdict": script.get("verdict", "PASS"),
                "policy": desk.options.policy,
                "policy_version": "1",
                "reasons": ["played"],
                "auto_release": script.get("auto", "yes") == "yes",
                "four_eyes": True,
            }
        case "sampled":
            return {"rows": 7}
        case _:
            return {"stage": desk.task.stage, "attempt": desk.task.attempt}
