"""Names that look alike are the same, and none holds a character that nobody sees."""

from __future__ import annotations

import pytest

from app.names import folded, plain_email, plain_name

HIDDEN = ("\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\0", "\x1b", "\x7f", "\ue000", "\u2060")
HIDDEN += ("\u034f", "\u115f", "\u17b4", "\u180b", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\U000e0100")


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_name_with_a_character_that_nobody_sees_is_refused_and_not_quoted(hidden: str) -> None:
    with pytest.raises(ValueError, match="expected a name without") as refused:
        plain_name(f"Ada{hidden}Lovelace")
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "   ", "\u2028", "x" * 101, "12 34", "-", "\ud800a"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        plain_name(name)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Ada\n  Lovelace ", "Ada Lovelace"),
        ("Jose\u0301", "José"),
        ("Ngũgĩ wa Thiong\u2019o", "Ngũgĩ wa Thiong\u2019o"),
        ("李", "李"),
    ],
)
def test_a_name_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert plain_name(written) == kept


def test_names_that_differ_in_what_nobody_sees_are_the_same() -> None:
    for hidden in HIDDEN:
        assert folded(f"Ada{hidden} Lovelace") == folded("Ada Lovelace")
    for other in (
        "ada lovelace",
        "ADA  LOVELACE",
        "A\u200bda Love\u202elace",
        "\uff21\uff44\uff41 Lovelace",
        "Ada\u00a0Lovelace",
    ):
        assert folded(other) == folded("Ada Lovelace")
    assert folded("Ada Lovelace") != folded("Ida Lovelace")
    assert folded("\u200b") != folded("\u200d")


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@b", "a@", "a b@c", "a@b@c", "\u0430da@example.org", "a@b\r\nX: y", "a@" + "b" * 300, "<a@b>"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="expected an e-mail address"):
        plain_email(address)


def test_an_address_is_kept_in_lower_case() -> None:
    assert plain_email(" Ada.L+x@Example.ORG ") == "ada.l+x@example.org"
