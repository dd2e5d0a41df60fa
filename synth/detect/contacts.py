"""Which texts hold an e-mail address, a phone number or an IBAN, alone or among other words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from synth.detect.checks import REGIONS, is_valid_phone, validator

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^\W\d_]{2,}")
_PHONE = re.compile(r"(?<![\w.,/+:-])(?:\+|\(\+?\d|\d)[\d\s().\-/\u2010-\u2015\u00a0\u202f]{5,22}\d(?![\w:])")
_DATED = re.compile(r"(?:\d{1,2}|\d{4})([-/.])\d{1,2}\1(?:\d{4}|\d{1,2})(?:\D|$)")
_AMERICAN = re.compile(r"(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}")
"""A number of North America; made-up ones are often not valid."""
_BEGINNING = re.compile(r"[+(]|0[\s/]?[1-9(]|00")
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2} ?[A-Z0-9][A-Z0-9 \u00a0]{9,40}", re.IGNORECASE)
_GROUPED_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: \d{4}){3,7}(?: \d{1,3})?\b")
"""Written in groups of four, whatever the check digits."""
IBAN_LENGTHS = range(15, 35)
PHONE_DIGITS = 7


def holds_contact(text: str) -> bool:
    """Whether this text holds an e-mail address, a phone number or an IBAN.

    Digits alone, without a sign between them or a word around, are no phone number: they may be any code.
    """
    if "@" in text and _EMAIL.search(text) is not None:
        return True
    if sum(map(str.isdigit, text)) < PHONE_DIGITS or text.strip().isdecimal():
        return False
    return _holds_iban(text) or any(map(_is_phone, _PHONE.findall(text)))


def any_holds_contact(texts: Iterable[str]) -> bool:
    """Whether one of these texts holds an e-mail address, a phone number or an IBAN."""
    return any(map(holds_contact, texts))


def _holds_iban(text: str) -> bool:
    return _GROUPED_IBAN.search(text) is not None or any(map(_begins_with_iban, _IBAN.findall(text)))


def _begins_with_iban(text: str) -> bool:
    """Whether the first characters are an IBAN with its country's length and the right check digits."""
    plain, is_valid = re.sub(r"\s", "", text), validator("iban")
    return any(is_valid(plain[:length]) for length in IBAN_LENGTHS if length <= len(plain))


def _is_phone(found: str) -> bool:
    """Whether this is written as phone numbers are, and is a number that some country may have given."""
    found = found.strip()
    if _DATED.match(found):
        return False
    if _AMERICAN.fullmatch(found):
        return True
    if _BEGINNING.match(found) is None:
        return False
    return any(is_valid_phone(found, region) for region in REGIONS)
