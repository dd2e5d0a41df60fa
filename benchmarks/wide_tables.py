"""The tables of `benchmarks.wide`: one of very many columns, and one with a column of very many categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

GROUP = 10
MISSING = 0.05


def wide_table(columns: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns in groups of ten that share a hidden number; the last is a yes or no that follows the first group."""
    made: dict[str, Any] = {}
    hidden = np.zeros(rows)
    for place in range(columns - 1):
        if place % GROUP == 0:
            hidden = rng.normal(size=rows)
            made.setdefault("_first", hidden)
        own = 0.7 * hidden + 0.7 * rng.normal(size=rows)
        made[f"c{place:04}"] = _column(place, own, rng)
    chance = 1 / (1 + np.exp(-2 * made.pop("_first")))
    made["outcome"] = np.where(rng.random(rows) < chance, "yes", "no")
    return pd.DataFrame(made)


def _column(place: int, own: np.ndarray, rng: np.random.Generator) -> pd.Series:
    kind, gone = place % GROUP, rng.random(len(own)) < MISSING
    column: Any
    if kind in {0, 1, 2}:
        column = np.round(np.exp(own) if kind == 1 else 50 + 10 * own, 2)
    elif kind in {3, 4}:
        column = np.round(20 * own).astype(int).astype(float)
    elif kind == 5:
        column = (
            pd.Timestamp("2015-01-01") + pd.to_timedelta((1500 + 400 * own).clip(0).astype(int), unit="D")
        ).to_numpy()
    else:
        levels = int(rng.integers(2, 51))
        place_of = np.clip((levels * (own + 2.5) / 5).astype(int), 0, levels - 1)
        column = np.array([f"level {i}" for i in range(levels)], dtype=object)[place_of]
    # whether a cell is missing is chance in one column of ten, and follows the group in another one
    holes = {2: own > 1.8, 6: gone}.get(kind, np.zeros(len(own), dtype=bool))
    return pd.Series(column).mask(holes)


def categories_table(categories: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """A column `place` of so many categories, and others that follow it in part."""
    often = 1 / np.arange(1, categories + 1)
    place = rng.choice(categories, rows, p=often / often.sum())
    region = np.array([f"region {i:02}" for i in range(40)], dtype=object)
    hidden = np.sin(place * 12.9898) * 2
    return pd.DataFrame(
        {
            "place": np.char.add("p", place.astype(str)).astype(object),
            "region": region[place % 40],
            "age": np.round(45 + 8 * hidden + 12 * rng.normal(size=rows)).clip(0, 100),
            "amount": np.round(np.exp(3 + 0.3 * hidden + rng.normal(size=rows)), 2),
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1_000, rows), unit="D"),
            "kind": np.array(["a", "b", "c", "d"], dtype=object)[rng.integers(0, 4, rows)],
            "visits": rng.poisson(3, rows),
            "outcome": np.where(rng.random(rows) < 1 / (1 + np.exp(-hidden)), "yes", "no"),
        }
    )
