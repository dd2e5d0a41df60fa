"""A column of which no value is kept comes with a doubt that says what to say instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from synth.detect.columns import Found, read_texts
from synth.detect.person import Held, find_person
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.clock import ClockForm
from synth.written.surrogate import Replaced, SurrogateForm
from tests.synth.detect.test_codes import proposed


def date(r: Random) -> str:
    return f"20{r.randint(10, 24)}-0{r.randint(1, 9)}-{r.randint(10, 28)}"


def time(r: Random) -> str:
    return f"0{r.randint(1, 9)}:{r.randint(10, 59)}:{r.randint(10, 59)}"


UNREAD: dict[str, Callable[[Random], str]] = {
    "blood pressure": lambda r: f"{r.randint(100, 180)}/{r.randint(60, 110)}",
    "scientific": lambda r: f"{r.randint(1, 9)},{r.randint(10, 99)}E+0{r.randint(1, 4)}",
    "week": lambda r: f"20{r.randint(10, 24)}-W{r.randint(10, 52)}",
    "version": lambda r: f"{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 19)}",
    "note": lambda r: f"{r.randint(100, 180)}/{r.randint(60, 110)}",
    "words": lambda r: " ".join(r.choice("abcdefgh") * r.randint(1, 9) for _ in range(6)),
    "digits": lambda r: f"0{r.randint(10**8, 10**9)}9999",
}
CERTAIN: dict[str, Callable[[Random], str]] = {
    "comment": UNREAD["words"],
    "order_no": lambda r: f"AB-{r.randint(10_000, 99_999)}",
    "x": lambda r: f"{r.getrandbits(64):016x}",
}
TIMES: dict[str, tuple[Callable[[Random], str], str]] = {
    "half days": (lambda r: f"{r.randint(1, 12)}:{r.randint(10, 59)} {r.choice(['AM', 'PM'])}", "H:MM AM"),
    "Uhr": (lambda r: f"{r.randint(0, 23):02}:{r.randint(10, 59)} Uhr", "HH:MM Uhr"),
    "mixed": (lambda r: r.choice([f"{r.randint(1, 9)}:{r.randint(10, 59)}", time(r)]), "HH:MM[:SS]"),
}


def read(name: str, make: Callable[[Random], str]) -> Found:
    random = Random(1)
    return read_texts(name, Counter(make(random) for _ in range(300)))


@pytest.mark.parametrize("name", UNREAD)
def test_a_column_that_is_not_read_says_how_to_keep_it(name: str) -> None:
    found = read(name, UNREAD[name])
    assert found.kind is ColumnKind.IDENTIFIER
    assert "is kept" in found.doubt
    assert f"--kind {name}=" in found.doubt
    assert "dates" not in found.reason


@pytest.mark.parametrize("name", CERTAIN)
def test_what_is_surely_a_code_or_free_text_comes_without_a_doubt(name: str) -> None:
    found = read(name, CERTAIN[name])
    assert found.kind is ColumnKind.IDENTIFIER
    assert not found.doubt


@pytest.mark.parametrize("name", TIMES)
def test_times_of_day_are_read(name: str) -> None:
    make, style = TIMES[name]
    assert read(name, make).form == ClockForm(style=style)


@pytest.mark.parametrize(("often", "pattern"), [(1, "%Y-%m-%d"), (4, "%Y-%m-%d %H:%M:%S")])
def test_dates_in_two_formats_name_the_more_frequent_one(often: int, pattern: str) -> None:
    found = read("v", lambda r: date(r) if r.randint(0, 5) >= often else f"{date(r)} {time(r)}")
    assert found.form == SurrogateForm(of=Replaced.TEXT)
    assert found.doubt.endswith(f"--kind v=datetime:{pattern}")


def test_dates_of_which_no_format_has_half_are_to_be_rewritten() -> None:
    found = read("v", lambda r: r.choice([date(r), f"{date(r)} {time(r)}", date(r).replace("-", "/")]))
    assert "--kind" not in found.doubt
    assert "no format has half" in found.doubt


def test_one_is_one_and_two_are_two() -> None:
    assert read_texts("x", {"ok": 9}).reason == "1 distinct text that repeats"
    assert read_texts("x", {"ok": 9, "no": 9}).reason == "2 distinct texts that repeat"
    assert proposed("x", [7] * 9).reason == "1 distinct number"
    spec = ColumnSpec(name="patient_id", kind=ColumnKind.IDENTIFIER, form=SurrogateForm(of=Replaced.CODE))
    whom = find_person([Held(spec=spec, present=2, distinct=1)], 2)
    assert whom is not None
    assert whom.reason.endswith("1 person with 2 records")
