"""Settings are checked where they are made and where they are read."""

from __future__ import annotations

import json

import pytest

from synth.config import TrainConfig
from synth.errors import SynthError


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 0},
        {"steps": 0},
        {"max_minutes": 0.0},
        {"max_minutes": float("nan")},
        {"generator_rate": -1.0},
        {"validation": 0.5},
        {"ema": 1.0},
        {"device": "tpu"},
        {"log_share": 1.5},
        {"min_count": 0},
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(SynthError):
        TrainConfig.from_json(change)


@pytest.mark.parametrize("change", [{"batch": "500"}, {"batch": 1.5}, {"protect": 1}, {"device": None}, {"x": 1}])
def test_settings_of_a_wrong_type_or_name_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(SynthError):
        TrainConfig.from_json(change)


def test_settings_survive_json() -> None:
    config = TrainConfig(steps=7, protect=False)
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
