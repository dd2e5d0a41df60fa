"""Columns that a few texts keep from being read as numbers or dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synth.detect.columns import Found, read_texts
from synth.detect.integers import read_numbers
from synth.detect.moments import moment_forms
from synth.detect.numbers import number_forms
from synth.detect.values import READ_SHARE, SAMPLE, readings_of
from synth.detect.words import CODES, POSTCODES, words_of
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.clock import STYLES, ClockForm
from synth.written.forms import LONGEST, ValueForm
from synth.written.markers import is_marker
from synth.written.numbers import NumberForm
from synth.written.surrogate import Replaced, SurrogateForm

NEARLY = 0.9
"""Share of the values that are numbers or dates, at least, where the others are told as strays.

Up to 2 % of others are mistakes that count as missing, see `readings_of`. The smallest table that is taken has 34
records, of which three strays are 9 %; where more are others they belong to the column, as letters do in some codes.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strays:
    """How many values keep a column from what it would be without them."""

    others: int
    present: int
    """All values, these included; markers of missing ones are none"""
    what: str
    """What all other values are: `numbers`, `dates` or `times`"""

    def said(self, spec: ColumnSpec) -> str:
        """A sentence for whoever has sent the table. It holds no value."""
        read_as = "categories" if spec.kind is ColumnKind.CATEGORICAL else "an identifier, of which no value is kept"
        return (
            f"column {spec.name!r}: {self.others:,} of {self.present:,} values looked at "
            f"{'is' if self.others == 1 else 'are'} not written as {self.what} like the others, so it was read as "
            f"{read_as}; correct or empty these cells in the file if it is to be learnt as {self.what}"
        )


def find_strays(spec: ColumnSpec, counts: Mapping[str, int], decimal: str | None = None) -> Strays | None:
    """What keeps a column of texts from numbers or dates, given how many records have each text.

    None where it was read as these, would not be without its strays either, or has too many of them.
    """
    if spec.kind.is_quantity or not (POSTCODES | CODES).isdisjoint(words_of(spec.name)):
        return None
    is_personal = isinstance(spec.form, SurrogateForm) and spec.form.of not in {Replaced.CODE, Replaced.TEXT}
    texts = [text for text in counts if not is_marker(text)]
    # a longer one is no number or date, and reading it takes time that its sender chooses
    short = [text for text in texts if len(text) <= LONGEST]
    if sum(counts[text] for text in short) < NEARLY * sum(counts[text] for text in texts):
        return None
    sample = short[:: max(1, len(short) // SAMPLE)][:SAMPLE]
    with_digits = sum(any(c.isdigit() for c in text) for text in sample)
    if is_personal or with_digits <= READ_SHARE * len(sample) or readings_of(counts, decimal):
        return None
    clocks = [ClockForm(style=style) for style in STYLES]
    forms: list[tuple[ValueForm, str]] = [(form, "dates") for form in moment_forms(sample)]
    forms += [*((form, "times") for form in clocks), *((form, "numbers") for form in number_forms(sample, decimal))]
    present = sum(counts[text] for text in texts)
    for form, what in forms:
        read = {text: counts[text] for text in short if form.parse(text) is not None}
        others = present - sum(read.values())
        if 0 < others <= (1 - NEARLY) * present and _without(spec.name, form, read, decimal).kind.is_quantity:
            return Strays(others=others, present=present, what=what)
    return None


def _without(name: str, form: ValueForm, read: Mapping[str, int], decimal: str | None) -> Found:
    """What the column holds without its strays."""
    plain = isinstance(form, NumberForm) and form.decimal == "." and not (form.prefix or form.suffix or form.group)
    if not plain:
        return read_texts(name, read, decimal)
    values = np.repeat([float(form.parse(text) or 0) for text in read], list(read.values()))
    whole = bool((values == np.floor(values)).all())
    return read_numbers(name, values, [int(value) for value in values] if whole else None)
