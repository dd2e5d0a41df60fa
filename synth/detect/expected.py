"""Rules that names of columns lead a person to expect: a discharge after its admission, an age of 0 or more."""

from __future__ import annotations

from collections.abc import Iterator

from synth.detect.words import words_of
from synth.rules.rule import AnyRule, Bounds, Order
from synth.table.schema import ColumnKind, TableSchema

_PAIRS = """
start end, started ended, begin end, begins ends, from to, admission discharge, admitted discharged, opened closed,
open close, birth death, born died, hired left, entry exit, arrival departure, issued expired, ordered shipped,
since until, low high, lower upper, min max, minimum maximum
"""
PAIRS = frozenset(tuple(pair.split()) for pair in _PAIRS.split(","))
"""The word for what comes first, with that for what comes last."""
AGES = frozenset({"age", "alter", "edad", "eta"})


def expected_rules(schema: TableSchema) -> Iterator[AnyRule]:
    """The rules, each once. Whether the table keeps them is another question."""
    for kind in (ColumnKind.DATETIME, ColumnKind.NUMERICAL):
        names = schema.of_kind(kind)
        by_words = {name: words_of(name) for name in names}
        for low in names:
            for high in names:
                if low != high and _are_a_pair(by_words[low], by_words[high]):
                    yield Order(low=low, high=high)
    for name in schema.of_kind(ColumnKind.NUMERICAL):
        if not AGES.isdisjoint(words_of(name)):
            yield Bounds(column=name, low=0.0)


def _are_a_pair(low: list[str], high: list[str]) -> bool:
    """Whether the names differ in one word alone, which says that one comes before the other."""
    differing = [(a, b) for a, b in zip(low, high, strict=False) if a != b]
    return len(low) == len(high) and len(differing) == 1 and differing[0] in PAIRS
