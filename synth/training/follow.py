"""Learns how the records of people follow one another, as a stage of a training: within its budget, and only once."""

from __future__ import annotations

from dataclasses import replace

from synth.config import TrainConfig
from synth.encode.rules.saved import plan_to_json
from synth.randomness import Rng
from synth.sequences.fit import fit_sequences
from synth.sequences.ruled import RuledPeople
from synth.sequences.sequences import Sequences
from synth.training.checkpoint import Finished, fingerprint_of_table, restore_finished, save_finished
from synth.training.progress import Watch

SHARE = 0.4
"""Of the time budget, at most: columns not reached in that time are drawn independently of earlier records."""


def follow(ruled: RuledPeople, config: TrainConfig, rng: Rng, watch: Watch) -> tuple[Sequences, Watch]:
    """(how records follow one another, the watch of what remains of the training).

    Where an earlier attempt at this very training finished the stage, its checkpoint has it. Raises StorageError where
    the checkpoint cannot be written, and ArtifactError where it is malformed.
    """
    finished, mark = None, ""
    if watch.checkpoint is not None:
        settings = {"seed": rng.entropy(), "config": config.to_json()}
        mark = fingerprint_of_table(ruled.came, ruled.schema, settings)
        finished = restore_finished(watch.checkpoint, mark)
    if finished is not None:
        sequences = Sequences.from_json(finished.state, finished.tensors, plan_to_json(ruled.rules))
        return sequences, watch.resumed(finished.seconds).followed(finished)
    begun = watch.clock()
    until = watch.start + SHARE * (watch.deadline - watch.start)
    sequences = fit_sequences(ruled, config, rng, progress=watch.following, in_time=lambda: watch.clock() < until)
    sequences = replace(sequences, seconds=watch.clock() - begun)
    finished = Finished(
        mark=mark, seconds=watch.seconds, state=sequences.to_json(), tensors=dict(sequences.forest.tensors())
    )
    watch = watch.followed(finished)
    if watch.checkpoint is not None:
        save_finished(watch.checkpoint)
    watch.preparing(0.0)  # whoever follows the training hears of the checkpoint
    return sequences, watch
