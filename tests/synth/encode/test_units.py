"""How fine the values of a column are is told by enough people, not by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.encode.datetime import fit_datetime
from synth.encode.fit_numeric import fit_numeric
from synth.protection import HOLDERS
from synth.rules.numbers import numbers_of, unit_of
from synth.rules.share import share_of
from synth.rules.text import parse_rule


@pytest.mark.parametrize(("finer", "decimals", "unit"), [(1, 1, "D"), (HOLDERS - 1, 1, "D"), (HOLDERS, 4, "h")])
def test_fewer_than_five_people_do_not_make_a_column_finer(finer: int, decimals: int, unit: str) -> None:
    r = np.random.default_rng(0)
    people = np.repeat(np.arange(120), 5)
    odd = people < finer
    amounts = pd.Series(np.where(odd, 12.3456, r.integers(100, 999, 600) / 10))
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.where(odd, 37, 24 * r.integers(0, 900, 600)), unit="h")
    column = pd.Series(dates)
    limits = {"min_count": HOLDERS, "max_modes": 3, "max_pieces": 8, "people": people}
    assert fit_numeric(amounts, r, **limits).decimals == decimals  # type: ignore[arg-type]
    assert fit_datetime(column, r, **limits).unit == pd.Timedelta(1, unit).value // 1000  # type: ignore[arg-type]
    assert unit_of(amounts.to_numpy(), dates=False, people=people).per == 10.0**decimals
    assert unit_of(numbers_of(column), dates=True, people=people).per == {"D": 1, "h": 24}[unit]


def test_a_rounded_product_is_kept_whatever_one_person_writes() -> None:
    r = np.random.default_rng(0)
    cells = pd.DataFrame({"price": r.integers(100, 999, 600) / 100, "rate": r.integers(1, 40, 600) / 100})
    cells["tax"] = (cells["price"] * cells["rate"]).round(2)
    people = np.repeat(np.arange(120), 5)
    cells.loc[people == 7, "tax"] = 1.234567
    share = share_of(parse_rule("tax = price * rate"), {name: cells[name] for name in cells}, people)
    assert (share.people, share.broken) == (120, 1)
