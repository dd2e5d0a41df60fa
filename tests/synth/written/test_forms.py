"""What is written in a form is read as the same value, and what is read is written as the same text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synth.detect.values import readings_of
from synth.errors import SchemaError
from synth.written.clock import STYLES, ClockForm
from synth.written.forms import Form, form_from_json, form_to_json
from synth.written.moments import MomentForm
from synth.written.numbers import GROUPS, NumberForm
from synth.written.surrogate import Replaced, SurrogateForm

numbers = st.builds(
    NumberForm,
    prefix=st.sampled_from(["", "$", "€ ", "EUR "]),
    suffix=st.sampled_from(["", "%", " kg", " €"]),
    decimal=st.sampled_from([".", ","]),
    group=st.sampled_from(GROUPS),
    places=st.sampled_from([None, 1, 2, 4]),
    plus=st.booleans(),
    negative=st.sampled_from(["-", "()", "back"]),
    width=st.sampled_from([1, 6]),
).filter(lambda form: form.decimal != form.group and not (form.group and form.width > 3))
moments = st.sampled_from(
    [
        MomentForm(pattern="%Y-%m-%dT%H:%M:%S.%f", zone="Z"),
        MomentForm(pattern="%d.%m.%Y %H:%M:%S.%f"),
        MomentForm(pattern="%-d/%-m/%Y %-I:%M:%S.%f %p"),
        MomentForm(pattern="%d. %B %Y %H:%M:%S.%f", language="de"),
        MomentForm(pattern="%b %d, %Y %H:%M:%S.%f", language="en", case="upper"),
        MomentForm(pattern="%Y-%m-%d %H:%M:%S.%f", zone="offset:", place="Europe/Berlin"),
        MomentForm(pattern="%Y-%m-%d %H:%M:%S.%f", zone="offset", place="-05:30"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(numbers, st.integers(-(10**9), 10**9), st.integers(0, 9999))
def test_numbers_are_read_as_they_are_written(form: NumberForm, whole: int, part: int) -> None:
    value = whole + part / 10_000 if form.places in {None, 4} else float(whole)
    text = form.format(value)
    read = form.parse(text)
    assert read == pytest.approx(value, abs=1e-6)
    assert form.format(read) == text
    assert form_from_json(json.loads(json.dumps(form_to_json(form)))) == form


@settings(max_examples=200, deadline=None)
@given(moments, st.integers(-(6 * 10**16), 25 * 10**16))
def test_moments_are_read_as_they_are_written(form: MomentForm, micros: int) -> None:
    assume(form.place != "Europe/Berlin" or micros > 0)  # before 1893 its offset has seconds, which are not written
    text = form.format(micros)
    read = form.parse(text)
    assert read == micros
    assert form.format(read) == text
    assert form_from_json(json.loads(json.dumps(form_to_json(form)))) == form


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(STYLES)), st.integers(0, 3_000_000))
def test_durations_are_read_as_they_are_written(style: str, seconds: int) -> None:
    form = ClockForm(style=style)
    if style.endswith(("AM", "am", "Uhr")):
        seconds %= 86_400
    text = form.format(seconds)
    read = form.parse(text)
    assert read is not None
    assert form.format(read) == text
    assert abs(read - seconds) < 60


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (NumberForm(prefix="$", group=",", places=2), [1234.5, 7.25, 98_765.0, 12.0, 1_000_000.0]),
        (NumberForm(decimal=",", group=".", places=2), [1234.5, 7.25, 98_765.0, 12.0]),
        (NumberForm(suffix="%", places=1), [1.5, 99.0, 42.3]),
        (ClockForm(style="HH:MM"), [3600, 29_700, 86_340]),
        (ClockForm(style="HH:MM AM"), [0, 29_700, 43_200, 86_340]),
        (ClockForm(style="H:MM am"), [0, 3600, 43_260, 86_340]),
        (ClockForm(style="H:MM Uhr"), [3600, 29_700, 86_340]),
        (MomentForm(pattern="%d %b %Y"), [86_400_000_000 * d for d in (1, 300, 9000, 15_000)]),
        (MomentForm(pattern="%d/%m/%Y"), [86_400_000_000 * d for d in (20, 27, 9000, 15_000)]),
        (MomentForm(pattern="%Y%m%d"), [86_400_000_000 * d for d in (20, 27, 9000, 15_000)]),
    ],
)
def test_a_form_is_told_from_what_is_written_in_it(form: Form, values: list[float]) -> None:
    counts = {form.format(value): 1 for value in values}  # type: ignore[union-attr]
    assert readings_of(counts)[0].form == form


def test_times_with_and_without_seconds_are_read_together() -> None:
    counts = {"9:05": 3, "09:05:00": 2, "17:45": 3, "11:12:13": 2}
    (reading,) = readings_of(counts)
    assert (reading.form, reading.values) == (ClockForm(style="HH:MM[:SS]"), 10)
    assert reading.form.parse("9:05") == reading.form.parse("09:05:00")


@pytest.mark.parametrize("text", ["13:05 PM", "0:05 AM", "6:54 XM", "6:60 PM", "123:00 Uhr"])
def test_no_time_of_day(text: str) -> None:
    assert all(ClockForm(style=style).parse(text) is None for style in STYLES)


def test_one_mistake_in_two_thousand_does_not_make_labels_of_numbers() -> None:
    counts = {f"{n / 7:.2f}": 1 for n in range(2000)} | {"12..5": 1}
    (reading,) = readings_of(counts)
    assert (reading.mistakes, reading.values) == (1, 2000)


@pytest.mark.parametrize(
    "texts", ["A12 A13 B14", "north south east", "007 008 013", "1.2.3 1.2.4 2.0.0", "12a 13b 14c"]
)
def test_codes_and_words_are_no_numbers(texts: str) -> None:
    assert readings_of(dict.fromkeys(texts.split(), 9)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"type": "poem"},
        {"decimal": ";"},
        {"group": "."},
        {"places": -1},
        {"places": "2"},
        {"negative": "red"},
        {"prefix": "x" * 99},
        {"colour": "red"},
    ],
)
def test_a_form_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SchemaError):
        form_from_json({"type": "number", "decimal": "."} | change)


def test_what_replaces_a_column_travels_as_json() -> None:
    form = SurrogateForm(of=Replaced.CODE, refers_to="employee_id")
    assert form_from_json(form_to_json(form)) == form
    assert form_from_json(form_to_json(replace(form, of=Replaced.EMAIL))) != form


def test_thousands_are_likelier_than_three_decimals_and_both_readings_are_given() -> None:
    first, second = readings_of({"1,234": 5, "12,345": 5, "99,999": 5})
    assert first.form == NumberForm(group=",", whole=True)
    assert second.form == NumberForm(decimal=",", places=3)
    assert readings_of({"0,234": 5, "12,345": 5, "99,999": 5})[0].form == NumberForm(decimal=",", places=3)
