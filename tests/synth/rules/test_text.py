"""Rules are read from text, written as text that reads the same, and refused without a word of them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import RuleError
from synth.rules.rule import Bounds, ClockSum, Combination, DatePart, Linear, NullWhen, OneHot, Order, Product, Unique
from synth.rules.text import MOST_RULES, parse_rule, parse_rules, text_of_rule

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PAIRS = st.lists(NAMES, min_size=2, max_size=4, unique=True)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("admitted <= discharged", Order(low="admitted", high="discharged")),
        ("b > a", Order(low="a", high="b", strict=True)),
        ('"blood low" < "blood ""high"""', Order(low="blood low", high='blood "high"', strict=True)),
        ("total = a + b - c + 3", Linear(target="total", terms=((1, "a"), (1, "b"), (-1, "c")), constant=3)),
        ("time = 100 * hour + minute", Linear(target="time", terms=((100, "hour"), (1, "minute")))),
        ("amount = price * pieces", Product(target="amount", factors=("price", "pieces"))),
        ("left = clock(planned + delay)", ClockSum(target="left", other="planned", minutes="delay")),
        ('planned = clock("left at" - 5th)', ClockSum(target="planned", other="left at", minutes="5th", later=False)),
        ("a = clock + b", Linear(target="a", terms=((1, "clock"), (1, "b")))),
        ("month = month(admitted)", DatePart(target="month", date="admitted", part="month")),
        ("a = year + b", Linear(target="a", terms=((1, "year"), (1, "b")))),
        ("dow = weekday(at) - 1", DatePart(target="dow", date="at", part="weekday", plus=-1)),
        ("dow = weekday(at)-1", DatePart(target="dow", date="at", part="weekday", plus=-1)),
        ('h = HOUR("sent at", Europe/Berlin)', DatePart(target="h", date="sent at", part="hour", zone="Europe/Berlin")),
        ('h = hour(sent, "+05:30")', DatePart(target="h", date="sent", part="hour", zone="+05:30")),
        ("0 <= share <= 100", Bounds(column="share", low=0.0, high=100.0)),
        ("x > -1.5", Bounds(column="x", low=-1.5, above=True)),
        ("2020-01-01 <= joined < 2024-01-01", Bounds(column="joined", low="2020-01-01", high="2024-01-01", below=True)),
        ("one_hot(a, b, c)", OneHot(columns=("a", "b", "c"))),
        ("combination(city, country)", Combination(columns=("city", "country"))),
        ("unique(ward, day)", Unique(columns=("ward", "day"))),
        ("missing(b) if missing(a)", NullWhen(column="b", other="a")),
        ('missing(packs) if smoker = "no, never"', NullWhen(column="packs", other="smoker", value="no, never")),
    ],
)
def test_each_form_is_read_and_written(text: str, rule: object) -> None:
    assert parse_rule(text) == rule
    assert parse_rule(text_of_rule(parse_rule(text))) == rule


@given(PAIRS, st.integers(-9, 9).filter(bool), st.integers(-99, 99), st.booleans())
def test_any_names_survive_writing_and_reading(names: list[str], weight: int, constant: int, strict: bool) -> None:
    first, *rest = names
    for rule in (
        Order(low=first, high=rest[0], strict=strict),
        Linear(target=first, terms=tuple((weight, name) for name in rest), constant=constant),
        OneHot(columns=tuple(names)),
        NullWhen(column=first, other=rest[0], value=first),
        ClockSum(target=first, other=rest[0], minutes=first + rest[0], later=strict),
        Bounds(column=first, low=float(constant), above=strict),
    ):
        assert parse_rule(text_of_rule(rule)) == rule


@pytest.mark.parametrize(
    "text",
    ["", "a", "a <=", "a <= a", "x = 1.5 * b", "5 <= x <= 3", "t = a * b + c", "one_hot(a)", 'a <= "b', "a <= b c",
     "missing(a) if", "a = ", "a = clock(b)", "a = clock(b + c + d)", "a = clock(a + b)", "a = clock(b * c)", "((((",
     "a = month(b", "a = month(a)", "a = month(b) * 2", "a = month(b) - 2", "a = hour(b, Mars/Base)",
     "a = hour(b, ../x)", "a = date(b) - 1", "a = hour(b, UTC, UTC)", 'a = hour(b, "+99:99")', "a = month(b) + c",
     "x >= 2020-13-01", "one_hot(" + "a," * 5_000],
)  # fmt: skip
def test_what_is_no_rule_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(RuleError, match="expected") as refused:
        parse_rule(text.replace("x", "secret"))
    assert "secret" not in str(refused.value) or "column 'secret'" in str(refused.value)


@given(st.text(max_size=60))
def test_no_text_ends_in_another_error(text: str) -> None:
    with suppress(RuleError):
        parse_rule(text)


def test_a_list_names_the_place_of_the_faulty_one_and_drops_repeats() -> None:
    assert len(parse_rules(["a <= b", "a<=b"])) == 1
    with pytest.raises(RuleError, match="rule 2: expected"):
        parse_rules(["a <= b", "a <="])
    with pytest.raises(RuleError, match="at most"):
        parse_rules([f"a <= b{i}" for i in range(MOST_RULES + 1)])
