"""The way of a table holds together: every stage finds what it takes, and progress only grows."""

from __future__ import annotations

import importlib

import pytest

from app.pipeline import WAYS, overall_fraction, stage_named
from app.states import JobKind

AT_HAND = {
    JobKind.SYNTHESIZE: {"table"},
    JobKind.SAMPLE: {"table", "split", "assignment", "weights", "model", "training"},
    JobKind.USE: {"table"},
}
RELEASING = [kind for kind in JobKind if kind is not JobKind.USE]


@pytest.mark.parametrize("kind", list(JobKind))
def test_every_stage_takes_only_what_was_published_before(kind):
    published = set(AT_HAND[kind])
    for stage in WAYS[kind]:
        assert set(stage.takes) <= published, stage.name
        published |= set(stage.gives)
    given_out = {"synthetic", "csv", "report", "page", "decision", "audit"}
    assert given_out <= published if kind in RELEASING else not given_out & published


@pytest.mark.parametrize("kind", list(JobKind))
def test_progress_grows_from_nothing_to_the_whole(kind):
    fractions = [overall_fraction(kind, stage, part) for stage in WAYS[kind] for part in (0.0, 0.5, 1.0)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == pytest.approx(1.0)


def test_nothing_is_released_without_having_been_attacked_and_decided():
    for kind in RELEASING:
        way = WAYS[kind]
        names = [stage.name for stage in way]
        assert names.index("sample") < names.index("attack") < names.index("decide") < names.index("report")


def test_the_split_is_sealed_before_anything_reads_values():
    assert WAYS[JobKind.SYNTHESIZE][0].name == "seal"


@pytest.mark.parametrize("name", sorted({stage.name for way in WAYS.values() for stage in way}))
def test_every_stage_is_a_module_with_a_run_function(name):
    assert callable(importlib.import_module(stage_named(name).module).run)
