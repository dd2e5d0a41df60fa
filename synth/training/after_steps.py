"""What follows the steps of a training, and the part of the time budget that is kept for it."""

from __future__ import annotations

from dataclasses import replace

from synth.config import TrainConfig
from synth.encode.table_encoder import TableEncoder
from synth.gan.calibrate import ROUNDS, calibrate
from synth.gan.net import Generator
from synth.gan.objective import Networks
from synth.gan.step import Material, settle
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.training.fit_forest import GrownForest, try_weights
from synth.training.judge_chain import FEWEST_RECORDS as FEWEST_JUDGED
from synth.training.judge_chain import JUDGED, judge_chain
from synth.training.nearness import FOUND, has_near, with_distances
from synth.training.prepare import Prepared
from synth.training.progress import Watch


def rounds_of(config: TrainConfig) -> int:
    """Rounds in which the generator is calibrated."""
    return ROUNDS if config.calibration else 0


def in_time(
    ready: Prepared, networks: Networks, watch: Watch, before: float, config: TrainConfig
) -> tuple[GrownForest, Watch]:
    """(the trees that there is time to find weights for: all or none, the watch of the steps that begin now).

    The training had taken `before` seconds where it was interrupted. What follows the steps is tried in part, one of
    the rounds in which the generator is calibrated among it.
    """
    rounds, begun = rounds_of(config), watch.clock()
    calibrate(networks.best, ready.material, Rng(0), min(1, rounds))
    calibrating, tried = rounds * (watch.clock() - begun), watch.clock()
    grown, weighing = ready.grown, try_weights(ready.grown) * (watch.clock() - tried)
    weighing *= with_more(ready.encoder, config, len(ready.material.codes))
    if grown.columns and calibrating + weighing > watch.deadline - (before - watch.earlier) - watch.clock():
        grown, weighing = replace(grown, columns=()), 0.0
    # what is done before the steps takes as long as it did in the attempt before
    since = max(0.0, before - watch.seconds)
    return grown, watch.resumed(before).stepping(since, calibrating + weighing)


def with_more(encoder: TableEncoder, config: TrainConfig, records: int) -> float:
    """How many times as long it takes to find weights and all that follows as to find weights alone."""
    critic = JUDGED if config.last_critic and records >= FEWEST_JUDGED else 0.0
    return (1 + critic) * (1 + (FOUND if has_near(encoder) else 0.0))


def settled(networks: Networks, material: Material, config: TrainConfig, rng: Rng) -> Generator:
    """The generator that sampling will use, on the device of the material."""
    generator = settle(networks.best, material, rng.spawn("settle"))
    return calibrate(generator, material, rng.spawn("calibrate"), rounds_of(config))


def judged(model: TrainedModel, material: Material, grown: GrownForest, rng: Rng) -> TrainedModel:
    """The model with its last critic, where it gets one, and with what makes near values of two columns the same."""
    critic = None
    if model.config.last_critic and grown.columns:
        critic = judge_chain(model, material.codes, rng.spawn("last critic"))
    return with_distances(replace(model, chain=replace(model.chain, critic=critic)), rng.spawn("distances"))
