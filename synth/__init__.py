"""The generator as a library: a table goes in, and a synthetic table that resembles it comes out.

    import synth

    schema = synth.propose_schema(table, target="income")
    model = synth.fit(table, schema, synth.TrainConfig(), synth.Rng(7))
    synthetic = synth.sample(model, 10_000, synth.Rng(8))

The names below are all that a notebook needs. Each is imported at its first use: whoever only reads a schema does not
load torch. There is no HTTP, no SQL and no clock in here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth.artifact import load, save
    from synth.config import TrainConfig
    from synth.detect.propose import propose_schema
    from synth.errors import SynthError
    from synth.model import TrainedModel
    from synth.randomness import Rng
    from synth.sampling.mix import sample_mix
    from synth.sampling.sample import sample
    from synth.scoring import score
    from synth.table.mix import Mix
    from synth.table.ranges import AnyOf, Presence, Range
    from synth.table.schema import TableSchema
    from synth.training.fit import fit
    from synth.uses.adapt import adapt
    from synth.uses.change import change
    from synth.uses.complete import complete
    from synth.uses.coreset import coreset, coreset_of
    from synth.uses.impute import impute
    from synth.uses.odd import odd

__all__ = [
    "AnyOf",
    "Mix",
    "Presence",
    "Range",
    "Rng",
    "SynthError",
    "TableSchema",
    "TrainConfig",
    "TrainedModel",
    "adapt",
    "change",
    "complete",
    "coreset",
    "coreset_of",
    "fit",
    "impute",
    "load",
    "odd",
    "propose_schema",
    "sample",
    "sample_mix",
    "save",
    "score",
]

_HOMES = {
    "AnyOf": "synth.table.ranges",
    "Mix": "synth.table.mix",
    "Presence": "synth.table.ranges",
    "adapt": "synth.uses.adapt",
    "change": "synth.uses.change",
    "complete": "synth.uses.complete",
    "coreset": "synth.uses.coreset",
    "coreset_of": "synth.uses.coreset",
    "impute": "synth.uses.impute",
    "odd": "synth.uses.odd",
    "sample_mix": "synth.sampling.mix",
    "Range": "synth.table.ranges",
    "Rng": "synth.randomness",
    "SynthError": "synth.errors",
    "TableSchema": "synth.table.schema",
    "TrainConfig": "synth.config",
    "TrainedModel": "synth.model",
    "fit": "synth.training.fit",
    "load": "synth.artifact",
    "propose_schema": "synth.detect.propose",
    "sample": "synth.sampling.sample",
    "save": "synth.artifact",
    "score": "synth.scoring",
}


def __getattr__(name: str) -> object:
    """The public name, imported at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
