"""What services say names options of the command line; a page names the fields of its forms."""

from __future__ import annotations

import pytest

from app.pages.wording import marker, sentence


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("expected a table", "Expected a table."),
        ("is it so?", "Is it so?"),
        ("", ""),
        ("to learn amounts, say --kind my zip=numerical", "To learn amounts, choose the kind numerical."),
        (
            "if they are amounts, say --kind a=numerical, and if each stands for a person, --role a=person",
            "If they are amounts, choose the kind numerical, and if each stands for a person, the role person.",
        ),
        ("name that with `sheet` or --sheet", "Name that with “Sheet”."),
        (
            "say so with `header_rows` or --header-rows 0, and with --header-rows 1",
            "Say so with “Lines of column names” 0, and with “Lines of column names” 1.",
        ),
        (
            "expected a key or a person with the scope read or review, got one with write",
            (
                "This takes the scope read or review, and you have write; "
                "an administrator can give you a role that has it."
            ),
        ),
        (
            "expected a key or a person with the scope real_data, got one with read, write",
            (
                "This takes the scope real_data, and you have read, write; "
                "an administrator can give you a role that has it."
            ),
        ),
        ('expected numbers; say --where age=30, or {"age": 1} in JSON', "Expected numbers."),
    ],
)
def test_options_become_fields(said: str, shown: str) -> None:
    assert sentence(said) == shown


def test_blanks_that_stand_for_missing_values_are_seen() -> None:
    assert [marker(text) for text in ("?", " ", "")] == ["?", "nothing but spaces", "nothing"]
