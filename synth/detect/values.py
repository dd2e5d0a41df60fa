"""How texts that are numbers, dates or times are written, told from the texts themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synth.detect.moments import moment_forms
from synth.detect.numbers import number_forms
from synth.protection import HOLDERS
from synth.written.clock import STYLES, ClockForm
from synth.written.forms import ValueForm
from synth.written.markers import is_marker

SAMPLE = 2_000
"""So many distinct texts tell how a column is written; the whole column is then put to the test."""
TYPOS = 0.02
"""Share of records that may be written otherwise, as mistakes."""
MOST_MARKERS = 20
READ_SHARE = 0.5
"""Share of records at least that a form reads, unless all others are known markers."""
FEWEST_DISTINCT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One way to read a column of texts."""

    form: ValueForm
    markers: tuple[str, ...]
    """Texts that stand for a missing value, most frequent first."""
    mistakes: int
    """Records whose text is neither a value nor a marker; they count as missing."""
    values: int
    """Records that have a value."""


def readings_of(counts: Mapping[str, int], decimal: str | None = None) -> list[Reading]:
    """The ways to read these texts, given how many records have each; the best first, none where they are no values.

    `decimal` is the decimal sign of numbers where it is known.
    """
    texts = [text for text in counts if not is_marker(text)]
    if len(texts) < FEWEST_DISTINCT or not any(any(c.isdigit() for c in text) for text in texts[:20]):
        return []
    sample = texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE]
    forms: list[ValueForm] = [*moment_forms(sample), *(ClockForm(style=style) for style in STYLES)]
    found = [reading for form in forms if (reading := _tested(form, counts, sample)) is not None]
    if not found:
        found = [r for form in number_forms(sample, decimal) if (r := _tested(form, counts, sample)) is not None]
    # the first of equals stays first
    return sorted(found, key=lambda reading: -reading.values)


def _tested(form: ValueForm, counts: Mapping[str, int], sample: list[str]) -> Reading | None:
    if sum(form.parse(text) is not None for text in sample) < READ_SHARE * len(sample):
        return None
    values = mistakes = distinct = 0
    known: dict[str, int] = {}
    others: dict[str, int] = {}
    for text, count in counts.items():
        if form.parse(text) is not None:
            values += count
            distinct += 1
        elif is_marker(text):
            known[text] = count
        # a text that is no number and that fewer have is a mistake
        elif count >= HOLDERS:
            others[text] = count
        else:
            mistakes += count
    if len(others) > MOST_MARKERS or distinct < FEWEST_DISTINCT:
        return None
    if mistakes > TYPOS * (values + mistakes) or values < READ_SHARE * (values + mistakes + sum(others.values())):
        return None
    markers = sorted(known | others, key=lambda text: (-(known | others)[text], text))
    return Reading(form=form, markers=tuple(markers[:MOST_MARKERS]), mistakes=mistakes, values=values)
