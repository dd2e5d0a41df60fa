"""Attacks run side by side: nothing that one does reaches another, and none that fails passes."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.finding import Finding, FindingStatus
from privacy.running import Crash, Stream, attempt, run_attack, run_attacks


def drawing(name: str):
    def attack(evidence, rng):
        return (Finding(attack=name, statistic="draw", value=float(rng.random())),)

    return attack


def broken(evidence, rng):
    raise ValueError("a cell of the data: Exec-managerial")


NAMES = tuple("abcdef")
BATTERY = {name: drawing(name) for name in NAMES}


def run(attacks, **more):
    settings = {"limit_s": 60.0, "workers": 2} | more
    return run_attacks(attacks, None, Stream(7), **settings)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(workers):
    assert run(BATTERY, workers=workers) == run(BATTERY, workers=3)
    assert tuple(run(BATTERY, workers=workers)) == NAMES


def test_an_attack_draws_the_same_numbers_whichever_others_there_are():
    assert run({"c": BATTERY["c"]})["c"] == run(BATTERY)["c"]
    values = {some[0].value for some in run(BATTERY).values()}
    assert len(values) == len(NAMES)


def test_streams_depend_on_seed_and_path_alone():
    one = Stream(1).spawn("attack").spawn("drift")
    assert one.generator().random() == one.generator().random()
    others = [Stream(2).spawn("attack").spawn("drift"), Stream(1).spawn("attack"), Stream(1).spawn("drift")]
    assert one.generator().random() not in {other.generator().random() for other in others}


def test_a_crash_becomes_a_finding_without_a_word_of_its_message():
    found = run({**BATTERY, "broken": broken})
    (failed,) = found["broken"]
    assert failed.status is FindingStatus.FAILED
    assert failed.key == "broken.crashed"
    assert "Exec" not in str(failed.to_json())
    assert all(found[name][0].status is FindingStatus.MEASURED for name in NAMES)


def test_what_comes_too_late_is_not_used():
    (late,) = run_attack("a", BATTERY["a"], None, Stream(7), limit_s=0.0)
    assert late.status is FindingStatus.FAILED
    assert late.key == "a.timed_out"
    assert late.value is None


def test_what_the_listener_raises_ends_the_run_and_what_has_not_begun_is_not_begun():
    begun = []

    def noted(name):
        def attack(evidence, rng):
            begun.append(name)
            return ()

        return attack

    def stop(name, done):
        raise KeyboardInterrupt

    many = {str(i): noted(str(i)) for i in range(2000)}
    with pytest.raises(KeyboardInterrupt):
        run(many, workers=1, tell=stop)
    assert len(begun) < len(many)


def test_the_listener_hears_of_every_attack():
    heard = []
    run(BATTERY, tell=lambda name, done: heard.append((name, done)))
    assert {name for name, _ in heard} == set(NAMES)
    assert [done for _, done in heard] == pytest.approx([(i + 1) / len(NAMES) for i in range(len(NAMES))])


def test_an_attempt_gives_what_the_call_gives_or_that_it_crashed():
    assert attempt(lambda: 1) == 1
    assert attempt(lambda: broken(None, np.random.default_rng(0))) == Crash(error="ValueError")
