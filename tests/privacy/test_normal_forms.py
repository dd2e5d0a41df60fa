"""Values that mean the same have the same normal form, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.normal_forms import code, codes, emails, in_order, local_parts, phones, plain, words

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10)
DIGITS = st.text(alphabet="123456789", min_size=9, max_size=9)


@given(st.text())
def test_a_normal_form_is_its_own_normal_form(text):
    assert plain(plain(text)) == plain(text)
    assert code(code(plain(text))) == code(plain(text))
    assert words(words(plain(text))) == words(plain(text))


@given(st.text())
def test_any_text_can_be_searched(text):
    for form in (emails, local_parts, phones, codes, in_order):
        assert all(isinstance(each, str) and each for each in form(plain(text)))


@given(st.text(alphabet="abcXYZ089", min_size=1, max_size=12), st.lists(st.integers(0, 12)), st.sampled_from(" -./_"))
def test_separators_and_case_do_not_change_a_code(text, places, separator):
    split = text
    for place in places:
        split = split[:place] + separator + split[place:]
    assert code(plain(split.upper())) == code(plain(text))


def test_zeros_in_front_do_not_change_a_code():
    assert code(plain("00042")) == code(plain("42")) == code(plain(" 042 ")) == code(plain("42.0"))
    assert code(plain("AB-00012")) == code(plain("ab12"))
    assert code(plain("1002")) != code(plain("12"))
    assert code(plain("DE44 5001 0517 5407 3249 31")) == code(plain("de44500105175407324931"))


@given(NAMES, NAMES)
def test_the_order_of_names_does_not_matter(first, last):
    assert words(plain(f"{last.upper()}, {first}")) == words(plain(f"{first.title()} {last}"))


def test_accents_do_not_matter_to_names_and_codes():
    assert words(plain("Zoë Müller")) == words(plain("MULLER zoe"))
    assert code(plain("\uff21\uff22\uff11")) == code(plain("AB1"))
    assert plain("STRASSE") == plain("straße")


@pytest.mark.parametrize(
    "written",
    ["J.Smith+shop@GMail.com", "jsmith@googlemail.com", " jsmith @gmail.com ", "write to j.s.m.ith@gmail.com, please"],
)
def test_an_address_is_found_however_it_is_written(written):
    assert emails(plain(written)) == ["jsmith@gmail.com"]


def test_dots_count_where_the_provider_counts_them():
    assert emails(plain("j.smith@example.org")) != emails(plain("jsmith@example.org"))
    assert local_parts(plain("j.smith@example.org")) == local_parts(plain("J_Smith@other.invalid")) == ["jsmith"]
    assert local_parts(plain("info@example.org")) == []
    assert emails("@") == emails("a@b") == []


@given(DIGITS)
def test_a_telephone_is_found_with_and_without_its_country(number):
    national = f"0{number[:2]}/{number[2:5]} {number[5:]}"
    for written in (
        national,
        f"+49 {number}",
        f"0049-{number[:3]}-{number[3:]}",
        f"+49 (0){number}",
        f"call 49{number}!",
    ):
        assert phones(plain(written)) == [number], written


def test_numbers_of_eight_digits_lose_a_marked_country_code():
    assert phones(plain("+45 12 34 56 78")) == phones(plain("12345678")) == ["12345678"]
    assert phones(plain("504-621-8927")) == phones(plain("+1 (504) 621-8927")) == phones(plain("1.504.621.8927"))


@pytest.mark.parametrize("written", ["2013-01-31", "31.12.1999", "12345", "room 12", "1.5", "a" * 40])
def test_dates_and_short_numbers_are_no_telephones(written):
    assert phones(plain(written)) == []


def test_codes_are_found_in_text_and_words_are_not():
    assert codes(plain("see contract 7590-VHVEG, signed 2020-01-31")) == [code("7590vhveg")]
    assert codes(plain("iban DE44 5001 0517 5407 3249 31 thanks"))[0] == "de44500105175407324931"
    assert codes(plain("electronic check by a.smith1234567@example.org")) == []


def test_scripts_without_blanks_have_a_word_for_each_sign():
    assert in_order(plain("\u4e2d\u6587abc")) == ["\u4e2d", "\u6587", "abc"]
