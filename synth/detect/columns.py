"""What one column holds, and why: told from its name and from how many records have each of its values."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from synth.detect.codes import are_repeating_codes, doubt_of_codes, reason_of_codes
from synth.detect.contacts import any_holds_contact
from synth.detect.identifiers import is_called_identifier, is_numbered, names_others
from synth.detect.moments import most_frequent_form
from synth.detect.personal import FAIR, HIGH, Personal, detect_personal
from synth.detect.values import Reading, readings_of
from synth.detect.wording import counted
from synth.detect.words import CODES, DAY_FIRST, POSTCODES, TEXTS, words_of
from synth.protection import HOLDERS
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.forms import Form
from synth.written.moments import MomentForm
from synth.written.numbers import NumberForm
from synth.written.surrogate import Replaced, SurrogateForm

UNIQUE_SHARE = 0.95
"""Text with this share of distinct values names records rather than describing them."""
LEARNABLE_SHARE = 0.2
"""Text of which less than this share is frequent enough holds too little that may be emitted."""
NAMED_DISTINCT = 20
"""A column that is called an identifier and has at least this many distinct values is one, however they repeat."""
REPEATED_SHARE = 0.5
"""Text with more than this share of distinct values repeats too little to describe anything."""
FEW_DIGITS = 20
"""Digits as text are categories where there are at most so many distinct ones, and quantities where there are more."""
CODED = 0.8
"""Values of which this share has one of a few shapes are codes."""
SHAPES = 12
CHECKED = frozenset({Replaced.CARD, Replaced.IBAN, Replaced.NATIONAL_ID})
"""What check digits tell from amounts."""
_ASCII_SHAPE = str.maketrans(string.digits + string.ascii_letters, "9" * 10 + "a" * 52)
_DATED = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2}))\b", re.ASCII)
EXAMPLE = 1_734_966_245_000_000
"""The moment by which forms of dates are shown: 23 December 2024, 15:04:05."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a column holds."""

    kind: ColumnKind
    reason: str
    form: Form | None = None
    markers: tuple[str, ...] = ()
    doubt: str = ""

    def spec(self, name: str) -> ColumnSpec:
        """The column of this name."""
        return ColumnSpec(
            name=name, kind=self.kind, form=self.form, markers=self.markers, reason=self.reason, doubt=self.doubt
        )


def identifier(of: Replaced, reason: str, doubt: str = "") -> Found:
    """A column that is replaced by fresh values."""
    return Found(kind=ColumnKind.IDENTIFIER, form=SurrogateForm(of=of), reason=reason, doubt=doubt)


def read_texts(name: str, counts: Mapping[str, int], decimal: str | None = None) -> Found:
    """What a column of texts holds, given how many records have each text, and the decimal sign where it is known."""
    texts = list(counts)
    personal = detect_personal(name, texts)
    readings = readings_of(counts, decimal)
    if personal is not None and (not readings or _prevails(personal, readings[0])):
        return identifier(personal.of, _said(personal), _other_reading(name, personal))
    if readings and not _is_coded(name, readings[0], counts):
        return _repeating(name, readings[0], counts) or read_as(name, readings)
    present = sum(counts.values())
    learnable = sum(count for count in counts.values() if count >= HOLDERS)
    if len(counts) >= NAMED_DISTINCT and is_called_identifier(name):
        return _named_identifier(name, counts, learnable / present)
    many = len(counts) >= NAMED_DISTINCT and len(counts) > REPEATED_SHARE * present
    names_records = len(counts) >= UNIQUE_SHARE * present or learnable < LEARNABLE_SHARE * present
    if not many and not (names_records and len(counts) > 2):
        return _categories(name, texts)
    return _not_learnt(name, counts)


def _prevails(personal: Personal, reading: Reading) -> bool:
    """Whether personal data is more likely than numbers or dates: its name says so too, or the check digits do."""
    checked = personal.of in CHECKED and isinstance(reading.form, NumberForm)
    return personal.confidence >= HIGH or (checked and personal.confidence >= FAIR)


def _said(personal: Personal) -> str:
    return f"{personal.reason} (confidence {personal.confidence:.2f})"


def _other_reading(name: str, personal: Personal) -> str:
    if personal.confidence >= HIGH:
        return ""
    return f"if these are no people's data, say --kind {name}=categorical"


def _is_coded(name: str, reading: Reading, counts: Mapping[str, int]) -> bool:
    """Whether digits are codes or categories rather than quantities."""
    form = reading.form
    if not isinstance(form, NumberForm) or not form.whole or form != NumberForm(whole=True):
        return False
    words = frozenset(words_of(name))
    if not words.isdisjoint(POSTCODES | CODES) or is_called_identifier(name):
        return True
    return not reading.markers and not reading.mistakes and len(counts) <= FEW_DIGITS


def _repeating(name: str, reading: Reading, counts: Mapping[str, int]) -> Found | None:
    """Codes of digits of which each stands in several records; None where these are other values."""
    form = reading.form
    if not isinstance(form, NumberForm) or form != NumberForm(whole=True):
        return None
    read = {value: counts[text] for text in counts if (value := form.parse(text)) is not None}
    numbers = {int(value) for value in read}
    if not are_repeating_codes(numbers, sum(read.values())):
        return None
    return identifier(Replaced.CODE, reason_of_codes(len(numbers), sum(read.values())), doubt_of_codes(name))


def read_as(name: str, readings: list[Reading]) -> Found:
    """Numbers, dates or times as they are written; with a doubt where they may be read in two ways."""
    best = _preferred(name, readings)
    form, doubt = best.form, ""
    others = [r.form for r in readings if r is not best and r.values == best.values]
    if isinstance(form, MomentForm):
        kind, reason = ColumnKind.DATETIME, f"dates written like {form.format(EXAMPLE)}"
        other = next((o for o in others if isinstance(o, MomentForm)), None)
        if other is not None:
            doubt = f"day and month may be the other way round: --kind {name}=datetime:{other.pattern}"
    else:
        kind = ColumnKind.NUMERICAL
        if isinstance(form, NumberForm):
            reason = f"numbers written like {form.format(1234 if form.whole else 1234.5)}"
            other_number = next((o for o in others if isinstance(o, NumberForm)), None)
            if other_number is not None and form.group != other_number.group:
                sign = form.group or form.decimal
                doubt = f"'{sign}' may be a decimal sign or stand between thousands: check the figures"
        else:
            reason = f"times of day or durations written like {form.format(30_300)}"
    if best.markers:
        reason += f"; {counted(len(best.markers), 'marker')} of missing values"
    if best.mistakes:
        reason += f"; {_otherwise(best.mistakes)} as missing"
    return Found(kind=kind, form=form, markers=best.markers, reason=reason, doubt=doubt)


def _otherwise(mistakes: int) -> str:
    return counted(mistakes, "record is written otherwise and counts", "records are written otherwise and count")


def _preferred(name: str, readings: list[Reading]) -> Reading:
    """The reading with the most values; of two orders of day and month the one that the column's language has."""
    equal = [r for r in readings if r.values == readings[0].values]
    orders = {r.form.pattern[:3].replace("-", "")[:2]: r for r in reversed(equal) if isinstance(r.form, MomentForm)}
    if {"%d", "%m"} <= set(orders):
        foreign = not DAY_FIRST.isdisjoint(words_of(name)) or any(not c.isascii() for c in name)
        return orders["%d"] if foreign or readings[0].form == orders["%d"].form else orders["%m"]
    return readings[0]


def _categories(name: str, texts: list[str]) -> Found:
    """Texts that repeat; free text where one of them says how to reach somebody."""
    if any_holds_contact(texts):
        return identifier(
            Replaced.TEXT,
            "some of its texts hold an e-mail address, a phone number or an IBAN; a marked placeholder stands for all",
            f"no text is kept; to keep those that hold none, say --kind {name}=categorical",
        )
    reason = counted(len(texts), "distinct text that repeats", "distinct texts that repeat")
    return Found(kind=ColumnKind.CATEGORICAL, reason=reason)


def _named_identifier(name: str, counts: Mapping[str, int], learnable: float) -> Found:
    """A column that is called an identifier."""
    if names_others(name) and learnable >= 1 - LEARNABLE_SHARE:
        reason = (
            f"{len(counts):,} codes of things or of people who serve many: they repeat, and name nobody of the records"
        )
        return Found(kind=ColumnKind.CATEGORICAL, reason=reason, doubt=f"to replace them, say --kind {name}=identifier")
    return identifier(Replaced.CODE, f"its name is an identifier's; {len(counts):,} distinct values")


def _shape(text: str) -> str:
    """The text with 9 for each digit and a for each letter."""
    if text.isascii():
        return text.translate(_ASCII_SHAPE)
    return "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in text)


def _not_learnt(name: str, counts: Mapping[str, int]) -> Found:
    """Texts that repeat too little to be learnt: codes of some shape, or free text."""
    texts = list(counts)
    share = len(texts) / sum(counts.values())
    shapes = Counter(map(_shape, texts))
    coded = sum(count for _, count in shapes.most_common(SHAPES)) / len(texts)
    spaced = sum(" " in text.strip() for text in texts) / len(texts)
    digits = sum(count for shape, count in shapes.items() if "9" in shape) / len(texts)
    hexadecimal = sum(len(t) >= 8 and set(t.lower()) <= set("0123456789abcdef-") for t in texts) / len(texts)
    dated = sum(_DATED.match(text.strip()) is not None for text in texts) / len(texts)
    if dated >= CODED:
        reason = "not recognised: dates in several formats; a marked placeholder stands for them"
        return identifier(Replaced.TEXT, reason, _doubt_of_dates(name, counts))
    about_texts = not TEXTS.isdisjoint(words_of(name))
    if not about_texts and (hexadecimal >= CODED or (coded >= CODED and digits >= CODED and spaced < 0.5)):
        digits_only = all(text.strip().isdecimal() for text in texts)
        certain = hexadecimal >= CODED or is_called_identifier(name) or is_numbered(name)
        doubt = (
            f"no value is kept; if they are categories, say --kind {name}=categorical, "
            "and if they are measurements, write them as plain numbers"
        )
        if digits_only:
            doubt = f"no value is kept; if they are amounts, say --kind {name}=numerical"
        reason = f"{share:.0%} of its values are distinct, and they have the shape of codes"
        return identifier(Replaced.CODE, reason, doubt if digits_only or not certain else "")
    if about_texts or spaced >= 0.5:
        reason = f"free text: {share:.0%} of its values are distinct; a marked placeholder stands for it"
        certain = about_texts and spaced >= 0.5 and digits < CODED
        doubt = f"no text is kept; if it is no free text, say --kind {name}=categorical, identifier or name"
        return identifier(Replaced.TEXT, reason, "" if certain else doubt)
    return identifier(
        Replaced.TEXT,
        f"not recognised: {share:.0%} of its values are distinct; a marked placeholder stands for them",
        f"no value is kept; say what they are: --kind {name}=categorical, identifier, name or text",
    )


def _doubt_of_dates(name: str, counts: Mapping[str, int]) -> str:
    """What to say of dates in several formats: the one of most records, where at least half of them have it."""
    found = most_frequent_form(counts)
    if found is None:
        return "no value is kept: no format has half of the dates; write them in one format"
    return f"no value is kept; to read those of the most frequent format, say --kind {name}=datetime:{found.pattern}"
