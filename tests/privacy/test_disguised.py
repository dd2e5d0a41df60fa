"""Digests and moved numbers are found; unrelated numbers have no difference that stands out."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pytest

from privacy.disguised import digests_in, encoded, identifying, shift_between, turned, whole_numbers, with_digest_among
from privacy.normal_forms import addresses, emails, plain


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_a_value_is_found_by_its_digest(name):
    made = hashlib.new(name, b"AB-1234", usedforsecurity=False).hexdigest()
    digests = digests_in(["x", plain("0x" + made.upper()), "f" * 31])
    assert with_digest_among(["ab-1234", "ab-1235"], digests) == ["ab-1234"]


@pytest.mark.parametrize("length", [10, 16, 31])
def test_a_value_is_found_by_the_beginning_of_its_digest(length):
    made = hashlib.sha256(b"AB-1234").hexdigest()[:length]
    assert with_digest_among(["ab-1234", "ab-1235"], digests_in([made])) == ["ab-1234"]


def test_a_value_is_found_in_base64_backwards_and_as_a_hex_number():
    assert plain(base64.b64encode(b"12345678").decode()) in set(encoded("12345678"))
    assert "87654321" in set(turned("12345678"))
    assert "bc614e" in set(turned("12345678"))
    assert set(turned("1234")) == set()
    assert "rebmetpes" not in set(turned("september"))


def test_words_and_short_codes_are_no_digests():
    assert not digests_in(["deadbeef", "g" * 32, "0" * 33, ""])


def test_what_may_be_hashed_is_the_cell_and_its_addresses():
    assert identifying("jane.doe@example.org (work)") == ["jane.doe@example.org (work)", "jane.doe@example.org"]
    assert identifying("x" * 101) == []


@pytest.mark.parametrize(
    "text",
    [
        "Jane@Example.org", "jane [at] example.org", "jane(at)example.org", "jane at example.org", "jane @ example.org",
        "jane [at] example [dot] org", "jane at example dot org", "mail to jane{at}example.org now",
        "jane _at_ example _dot_ org", "jane_at_example.org", "mail: j a n e @ e x a m p l e . o r g",
    ],
)  # fmt: skip
def test_addresses_however_their_at_is_written(text):
    assert emails(plain(text)) == ["jane@example.org"]


@pytest.mark.parametrize("text", ["look at me", "meet at 12.30", "(at) home", "data at rest", "at example.org"])
def test_at_alone_is_no_address(text):
    assert addresses(plain(text)) == []


@pytest.mark.parametrize("by", [1, -1, 1_000, 10**12])
def test_the_one_number_by_which_all_differ_is_found(by):
    rng = np.random.default_rng(1)
    real = rng.choice(10_000_000, 2_000, replace=False) + 10_000
    assert shift_between(real, real[:1_000] + by) == by
    fresh = rng.choice(10_000_000, 900, replace=False) + 10_000
    assert shift_between(real, np.concatenate([real[:30] + by, fresh])) == by


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("top", [2_500, 100_000, 10**9])
def test_unrelated_numbers_differ_by_no_number_in_particular(seed, top):
    numbers = np.random.default_rng(seed).choice(top, 2_400, replace=False)
    assert shift_between(numbers[:1_500], numbers[1_500:]) is None


def test_numbers_in_steps_differ_by_no_number_in_particular():
    assert shift_between(np.arange(0, 9_000, 3), np.arange(9_000, 18_000, 3)) is None


def test_a_column_of_words_has_no_numbers():
    assert len(whole_numbers(("a1", "b2", "3"))[0]) == 0
    assert whole_numbers(("007", "8"))[0].tolist() == [7, 8]
