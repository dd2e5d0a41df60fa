"""Personal data is found by names and values, in the formats of several countries; nothing else is taken for it."""

from __future__ import annotations

from collections import Counter

import pytest

from synth.detect.columns import read_texts
from synth.detect.words import words_of
from synth.table.schema import ColumnKind
from synth.written.surrogate import PERSONAL, Replaced, SurrogateForm
from tests.synth.detect.rows import columns

ALIKE = {Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME}


def found_in(name: str, values: list[str]) -> Replaced | None:
    form = read_texts(name, Counter(values)).form
    return form.of if isinstance(form, SurrogateForm) and form.of in PERSONAL else None


def test_recall_and_precision_on_columns_of_seven_countries() -> None:
    results = [(name, of, found_in(name, values)) for name, values, of in columns()]
    missed = [name for name, of, got in results if of is not None and got is None]
    wrong = [name for name, of, got in results if of is None and got is not None]
    other = [(name, got) for name, of, got in results if of and got and got is not of and not {of, got} <= ALIKE]
    assert not missed
    assert not other
    assert not wrong


@pytest.mark.parametrize("name", ["E-Mail", "e_mail", "eMail", "E-MAIL", "e-mail address"])
def test_e_mail_is_one_word(name: str) -> None:
    assert "email" in words_of(name)


def test_a_few_names_that_repeat_are_names_all_the_same() -> None:
    doctors = Counter(
        {f"Dr. {first} {last}": 50 for first, last in zip(["Anna", "Peter"], ["Weber", "Wagner"], strict=True)}
    )
    found = read_texts("doctor_name", doctors)
    assert found.kind is ColumnKind.IDENTIFIER
    assert found.reason


def test_no_reason_holds_a_value() -> None:
    for name, values, _ in columns():
        found = read_texts(name, Counter(values))
        assert not any(value in found.reason + found.doubt for value in values if len(value) > 5)


def test_sentences_in_which_words_are_also_names_are_no_names() -> None:
    notes = Counter({f"said something long {i} about it": 1 for i in range(200)})
    assert found_in("x", list(notes)) is None
    names = [
        f"{a} {b}" for a in ("anna", "peter", "maria", "thomas", "julia") for b in ("weber", "koch", "wagner", "bauer")
    ]
    assert found_in("x", names) is Replaced.NAME
