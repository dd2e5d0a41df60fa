"""Texts and numbers that commonly stand for a missing value."""

from __future__ import annotations

KNOWN = frozenset(
    [
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "?",
        "??",
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "*",
        "**",
        "\\n",
        "missing",
        "unknown",
        "unk",
        "#div/0!",
        "#ref!",
        "#value!",
        "#name?",
        "inf",
        "-inf",
        "+inf",
        "infinity",
        "-infinity",
        "nd",
        "n.d.",
        "k.a.",
        "ka",
        "n.v.",
        "nr",
        "s/d",
        "s/i",
        "n.c.",
        "n.r.",
        "<na>",
        "nat",
        "x",
    ]
) | {
    "",
    "not recorded",
    "not available",
    "not applicable",
    "not known",
    "no data",
    "keine angabe",
    "unbekannt",
    "inconnu",
    "non renseigné",
    "sin datos",
    "desconocido",
    "sconosciuto",
    "onbekend",
    "desconhecido",
}
"""In lower case, without surrounding blanks."""

SENTINELS = tuple(sign * int(digit * length) for digit in "98" for length in (2, 3, 4, 5, 6) for sign in (-1, 1))
"""Numbers out of all proportion to the others that stand for a missing value or for a reason of one."""


def is_marker(text: str) -> bool:
    """Whether the text commonly stands for a missing value."""
    return text.strip().casefold() in KNOWN
