"""Normal forms of personal data: what is left of a value when spelling, spacing and formatting are taken away.

Two cells that mean the same person, account or telephone should have the same normal form, and each function says which
differences it removes. All are pure functions of one text, and all but `plain` expect it in the form of `plain`. They
are made for finding values again, not for showing them: a normal form need not be a valid address or number.
"""

from __future__ import annotations

import re
import unicodedata

IGNORES_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Providers that ignore dots in the local part of an address, and the domain that they all deliver to."""
SHORTEST_LOCAL_PART = 5
"""A shorter local part is shared by many: info, mary."""
FEWEST_DIGITS, MOST_DIGITS = 7, 15
"""A telephone number has at most 15 digits (ITU-T E.164); with fewer than 7 it is an extension or a short code."""
NATIONAL_DIGITS = 9
"""A telephone number is compared by its last 9 digits, so that it need not be known whether a country code is there."""
SHORTEST_CODE = 7
FEWEST_CODE_DIGITS = 3
"""A code is at least so long and has so many digits; else it is a word."""

_SEPARATORS = re.compile(r"[\W_]+")
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
"""Scripts that are written without blanks: each sign counts as a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_EMAIL = re.compile(r"([\w.+%'-]+)\s?@\s?([\w-]+(?:\.[\w-]+)+)")
_AT = re.compile(r"\s*(?:[\[({<]\s*(?:at|@)\s*[\])}>]|_at_)\s*")
_DOT = re.compile(r"\s*(?:[\[({<]\s*(?:dot|\.)\s*[\])}>]|_dot_)\s*")
_SPACED = re.compile(r"(?<!\S)(?:\S ){3,}@(?: \S){3,}(?!\S)")
"""An address with a blank after each letter."""
_SPOKEN = re.compile(r"(?<![\w.+%'-])([\w.+%'-]+) at ((?:[\w-]+(?:\.| dot ))+[a-z]{2,})(?![\w-])")
"""An address in words: jane at example dot org."""
_PHONE = re.compile(r"(?<![\w+])(?:\+\s?|\()?\d(?:[\d ()/.\-\u2010-\u2015\u00a0\u202f]{5,24})\d(?!\w)")
_CODE = re.compile(r"[^\W_]+(?:[-_./][^\W_]+)*")
_GROUPED = re.compile(r"(?<!\w)[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,4})?(?!\w)")
"""An IBAN as it is printed, in groups of four (ISO 13616)."""
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")
_MANY_DIGITS = re.compile(r"\d\D?\d\D?\d")

_COUNTRY = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
"""Country codes of one, two and three digits (ITU-T E.164); no code begins another."""


def plain(text: str) -> str:
    """The text in NFKC, without case, outer blanks or repeated blanks; a whole number without `.0`."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = " ".join(text.casefold().split())
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def bare(text: str) -> str:
    """Without accents: letters keep their base letter (NFKD without combining marks)."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


def code(text: str) -> str:
    """The letters and digits alone, without accents, separators, blanks and zeros that begin a run of digits."""
    return _ZEROS.sub("", _SEPARATORS.sub("", bare(text)))


def words(text: str) -> str:
    """The words (letters and digits) without accents in alphabetical order: `smith, john` is `john smith`."""
    return " ".join(sorted(in_order(text)))


def in_order(text: str) -> list[str]:
    """The words (letters and digits) without accents, in their order."""
    return _WORD.findall(bare(text))


def emails(text: str) -> list[str]:
    """The e-mail addresses in the text: no `+tag`, no dots where the provider ignores them, no blanks around the @.

    `[at]`, `(at)`, `_at_` and `at` before a domain are an @, as `[dot]` and the like are dots; letters may be spaced.
    """
    return [_address(*address.split("@")) for address in addresses(text)]


def addresses(text: str) -> list[str]:
    """The e-mail addresses in the text as they are, whatever stands for their @."""
    text = _shown(text)
    return [f"{local}@{domain}" for local, domain in _EMAIL.findall(text)] if "@" in text else []


def _shown(text: str) -> str:
    """The text with @ and dots where addresses are written so that no program finds them."""
    if " @ " in text:
        text = _SPACED.sub(lambda found: found[0].replace(" ", ""), text)
    if "at" not in text and "[" not in text and "(" not in text:
        return text
    text = _DOT.sub(".", _AT.sub("@", text))
    return _SPOKEN.sub(lambda found: f"{found[1]}@{found[2].replace(' dot ', '.')}", text)


def local_parts(text: str) -> list[str]:
    """The letters and digits before the `@` of each address, as `emails` finds them, where there are enough of them.

    An address that is kept under another domain has the same.
    """
    parts = (_SEPARATORS.sub("", address.partition("@")[0]) for address in emails(text))
    return [part for part in parts if len(part) >= SHORTEST_LOCAL_PART]


def phones(text: str) -> list[str]:
    """The telephone numbers in the text: the last 9 digits, without country code and the zeros before.

    Numbers with and without a country code agree wherever national numbers have 9 digits or more, and elsewhere where
    the country code is marked by `+` or `00`. Dates are no numbers.
    """
    if not _MANY_DIGITS.search(text):
        return []
    found = [_national(match) for match in _PHONE.findall(text) if not _DATE.match(match)]
    return [number for number in found if number]


def codes(text: str) -> list[str]:
    """The codes in the text that are long enough to be one's own: at least 7 letters and digits, 3 of them digits.

    In the form of `code`. E-mail addresses and dates are left out.
    """
    if not _MANY_DIGITS.search(text):
        return []
    text = _shown(text)
    rest = _EMAIL.sub(" ", text) if "@" in text else text
    grouped = _GROUPED.findall(rest)
    found = [code(match) for match in (*grouped, *_CODE.findall(rest)) if not _DATE.match(match)]
    return [each for each in found if len(each) >= SHORTEST_CODE and _digits(each) >= FEWEST_CODE_DIGITS]


def _address(local: str, domain: str) -> str:
    local = local.partition("+")[0] or local
    if domain in IGNORES_DOTS:
        local, domain = local.replace(".", ""), IGNORES_DOTS[domain]
    return f"{local}@{domain}"


def _national(text: str) -> str | None:
    international = text.lstrip("( ").startswith("+")
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS + 2:
        return None
    if digits.startswith("00"):
        international, digits = True, digits[2:]
    if international:
        digits = _COUNTRY.sub("", digits, count=1)
    digits = digits.lstrip("0")[-NATIONAL_DIGITS:]
    return digits if len(digits) >= FEWEST_DIGITS - 1 else None


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
