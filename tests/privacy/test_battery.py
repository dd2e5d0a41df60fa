"""What the attacks say of themselves fits together: words, plants and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

import privacy.attacks
from privacy.battery import ABOUT, BATTERY, gets_no_plant, runs_on
from privacy.limits import load_policy, policies
from privacy.plants import LAID, Plant


def test_every_module_of_attacks_is_run() -> None:
    modules = {file.stem for file in Path(privacy.attacks.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules | {"artefacts"} == set(ABOUT)


def test_two_attacks_use_the_same_words_for_a_statistic_of_the_same_name() -> None:
    words: dict[str, str] = {}
    for about in ABOUT.values():
        for name, said in about.statistics.items():
            assert words.setdefault(name, said) == said, name


@pytest.mark.parametrize("policy", policies())
def test_each_attack_with_a_limit_is_run_on_a_plant_or_brings_one(policy: str) -> None:
    attacks = {pattern.partition(".")[0] for limit in load_policy(policy).limits for pattern in limit.findings}
    for attack in attacks & set(BATTERY):
        leaks = [plant for plant in LAID if plant is not Plant.FRESH]
        assert any(runs_on(attack, plant, of_synthetic=by) for plant in leaks for by in (False, True)), attack


def test_each_attack_with_plants_is_also_run_where_there_is_no_leak() -> None:
    silent = {name for name in BATTERY if not gets_no_plant(name) and not runs_on(name, Plant.FRESH)}
    assert silent == {"personal"}, "fresh rows hold no personal data that train has alone"


def test_checks_of_the_tables_are_run_on_no_plant() -> None:
    for name in ("drift", "overlap", "seen", "comparability", "people"):
        assert not any(runs_on(name, plant, of_synthetic=by) for plant in LAID for by in (False, True))


def test_an_attack_outside_the_battery_is_run_on_all_plants() -> None:
    assert all(runs_on("new", plant) for plant in LAID)
