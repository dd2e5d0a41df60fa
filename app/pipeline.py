"""The way of one table, in order.

    upload -> intake -> seal split -> encode, train -> sample -> assess -> attack -> decide -> report -> release

`intake` happens while the upload is answered (`app.intake`). The stages below are done by a worker, each in a child
process of its own (`app.child`), so that cancelling kills it, a crash leaves the worker alive and memory is given back.
`release` is the worker's last act (`app.jobs.release`): one transaction in which the synthetic table gets its state.

What else records and models are for (docs/uses.md) is a way of one stage, `use`, whose result is never a release.

This file names the stages and imports none of them: the web process and the worker read it, and neither loads torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.states import JobKind, Queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One step of the way: a module with a function `run(context)`."""

    name: str
    module: str
    takes: tuple[str, ...]
    """The artifacts that must have been published before, by name."""
    gives: tuple[str, ...]
    """The artifacts that it publishes."""
    weight: float
    """Its usual share of the job's time; the job's progress is the sum of what is done."""
    says: str
    """What a person who waits is told."""
    queue: Queue = Queue.CPU
    """What it runs on where workers are divided."""


SEAL = Stage(
    name="seal",
    module="app.stages.seal",
    takes=("table",),
    gives=("split", "assignment"),
    weight=0.02,
    says="dividing people into train, holdout and reference",
    queue=Queue.GPU,  # it takes seconds: no job waits twice before its training
)
TRAIN = Stage(
    name="train",
    module="app.stages.train",
    takes=("table", "split", "assignment"),
    gives=("weights", "model", "training"),
    weight=0.60,
    says="training the generator",
    queue=Queue.GPU,
)
SAMPLE = Stage(
    name="sample",
    module="app.stages.sample",
    takes=("table", "split", "assignment", "weights", "model"),
    gives=("synthetic", "csv", "sampled"),
    weight=0.05,
    says="sampling the synthetic table",
)
SHARD = Stage(
    name="shard",
    module="app.stages.shard",
    takes=("table", "split", "assignment", "weights", "model"),
    gives=(),
    weight=0.0,
    says="sampling a shard of the synthetic table",
)
"""A part of `SAMPLE` that any worker does, see `app.jobs.shards`. It gives one artifact, see `shard_name`."""
ASSESS = Stage(
    name="assess",
    module="app.stages.assess",
    takes=("table", "split", "assignment", "model", "synthetic"),
    gives=("fidelity",),
    weight=0.15,
    says="measuring fidelity",
)
ATTACK = Stage(
    name="attack",
    module="app.stages.attack",
    takes=("table", "split", "assignment", "weights", "model", "synthetic"),
    gives=("audit",),
    weight=0.15,
    says="attacking the synthetic table",
)
DECIDE = Stage(
    name="decide",
    module="app.stages.decide",
    takes=("audit",),
    gives=("decision",),
    weight=0.01,
    says="applying the policy",
)
REPORT = Stage(
    name="report",
    module="app.stages.report",
    takes=("table", "split", "assignment", "training", "synthetic", "fidelity", "audit", "decision"),
    gives=("decision", "report", "page"),
    weight=0.02,
    says="writing the report",
)

RESULT, LIKE = "result", "like"
"""What a use gives; the table that `adapt` makes another one like."""
USE = Stage(
    name="use",
    module="app.stages.use",
    takes=("table",),
    gives=(RESULT,),
    weight=1.0,
    says="working on the records",  # on the CPU but for TRAINING_USES, see `app.jobs.claims`
)
TRAINING_USES = ("adapt", "impute")
"""The uses that train a generator of their own."""

GIVEN_OUT = ("synthetic", "csv", "report", "page")
"""The artifacts of a release and its report: they outlive the data set."""
ASSIGNMENT = "assignment"
"""The division of people into parts, one byte for each record: it outlives the data set and the release."""

WAYS: dict[JobKind, tuple[Stage, ...]] = {
    JobKind.SYNTHESIZE: (SEAL, TRAIN, SAMPLE, ASSESS, ATTACK, DECIDE, REPORT),
    JobKind.SAMPLE: (SAMPLE, ASSESS, ATTACK, DECIDE, REPORT),
    JobKind.USE: (USE,),
}


def shard_name(pieces: range) -> str:
    """What the shard of these pieces of the table is called among the artifacts of a job that samples."""
    return f"{SHARD.name}-{pieces.start}-{pieces.stop}"


def is_shard(name: str) -> bool:
    """Whether an artifact is a shard."""
    return name.startswith(f"{SHARD.name}-")


def pieces_of_shard(name: str) -> range:
    """The pieces of the shard of this name: it says them itself, so that no setting can make another one of it."""
    _, start, stop = name.split("-")
    return range(int(start), int(stop))


EARLIER_APART = "earlier_apart"
"""The fact that says how many tables released from some of the same people cannot be attacked together at all."""


def earlier_synthetic(number: int) -> str:
    """What the attack calls the table released before as number 1, 2, ..."""
    return f"earlier-{number}-synthetic"


def earlier_assignment(number: int) -> str:
    """What the attack calls the sealed split of that table's generator."""
    return f"earlier-{number}-assignment"


def earlier_table(number: int) -> str:
    """What the attack calls the records that this split divides, where they are not those of the job's own table."""
    return f"earlier-{number}-table"


def is_earlier_table(name: str) -> bool:
    """Whether an input of the attack holds the real records behind a table released before."""
    return name.startswith("earlier-") and name.endswith("-table")


def stage_named(name: str) -> Stage:
    """The stage of this name. Raises KeyError where there is none."""
    return {stage.name: stage for way in (*WAYS.values(), (SHARD,)) for stage in way}[name]


def overall_fraction(kind: JobKind, stage: Stage, fraction: float) -> float:
    """How much of the whole job is done, 0 to 1, when `fraction` of `stage` is."""
    way = WAYS[kind]
    done = sum(before.weight for before in way[: way.index(stage)])
    return (done + stage.weight * min(max(fraction, 0.0), 1.0)) / sum(each.weight for each in way)
