"""Which texts have the format of an official paper, a bank account, a number plate or a device."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from synth.detect.checks import passes_luhn, validator

_SSN = r"\d{3}-\d{2}-\d{4}"
_NINO = r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]"
_STEUERNUMMER = r"\d{2,3}/\d{3,4}/\d{4,5}"
_LETTER = "AC-HJKMNP-RT-Y"
_MEDICARE = rf"[1-9][{_LETTER}][{_LETTER}\d]\d[{_LETTER}][{_LETTER}\d]\d[{_LETTER}]{{2}}\d{{2}}"
"""Medicare beneficiary identifier of the USA: letters but for S, L, O, I, B, Z (CMS)."""
_DRIVER = r"[A-Z]{1,5}9{0,4}(?<=[A-Z9]{5})\d[0156]\d[0-3]\d\d[A-Z][A-Z9][A-Z\d][A-Z]{2}"
"""Licence number of a British driver: five signs of the name, the day of birth, initials (DVLA)."""
_PAPERS = re.compile(rf"{_SSN}|{_NINO}|{_STEUERNUMMER}|{_DRIVER}")
_MEDICARE_ID = re.compile(_MEDICARE)
_INSURED = re.compile(r"[A-Z]\d{9}")
_AFFILIATED = re.compile(r"\d{12}")

PLATES = (
    r"[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}",
    r"\d{4}[ -][BCDFGHJKLMNPRSTVWXYZ]{3}",
    r"[A-Z]{2}\d{2} [A-Z]{3}",
    r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} \d{1,4}[EH]?",
    r"[A-HJ-NPR-TV-Z]{2} \d{3} [A-HJ-NPR-TV-Z]{2}",
)
"""Number plates of France, Spain, Great Britain, Germany and Italy, written with their blanks or hyphens."""
_PLATE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])[^\W_ÄÖÜ]{1,3}[\s\-·]?[^\W_]{1,4}[\s\-·]?[^\W_]{0,4}")
_MAC = re.compile(
    r"(?:[0-9A-F]{2}([:-]))(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}", re.IGNORECASE
)
_VIN = re.compile(r"(?=.*[A-Z])(?=.*\d)[A-HJ-NPR-Z\d]{17}")
_RIB = re.compile(r"(\d{5})(\d{5})([A-Z\d]{11})(\d{2})")
_SORT_CODE = re.compile(r"\d{2}-\d{2}-\d{2}[ /]?\d{8}")
_ROUTED = re.compile(r"(\d{9})[ /-]\d{6,17}")
_RIB_DIGITS = str.maketrans(string.ascii_uppercase, "12345678912345678923456789")
"""What a letter of an account counts in its key."""


def _bare(text: str) -> str:
    return re.sub(r"[\s-]", "", text).upper()


def is_paper(text: str) -> bool:
    """Whether this has the format of a national id, or of one of its kin, that no module of python-stdnum knows.

    US social security and Medicare, British national insurance and driving licence, German tax and health insurance,
    Spanish social security.
    """
    plain = _bare(text)
    return (
        _PAPERS.fullmatch(text.strip()) is not None
        or _PAPERS.fullmatch(plain) is not None
        or _MEDICARE_ID.fullmatch(plain) is not None
        or _is_insured(plain)
        or _is_affiliated(re.sub(r"\D", "", text) if re.fullmatch(r"[\d\s/-]+", text) else "")
    )


def _is_insured(text: str) -> bool:
    """A German health insurance number: its letter counts as two digits, every other one is doubled (GKV)."""
    if _INSURED.fullmatch(text) is None:
        return False
    digits = f"{string.ascii_uppercase.index(text[0]) + 1:02}{text[1:9]}"
    doubled = (int(digit) * (1 + i % 2) for i, digit in enumerate(digits))
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == int(text[9])


def _is_affiliated(digits: str) -> bool:
    """A Spanish social security number: the last two digits are the others' remainder by 97."""
    return _AFFILIATED.fullmatch(digits) is not None and int(digits[:10]) % 97 == int(digits[10:])


def is_account(text: str) -> bool:
    """Whether this is a bank account with its country's check (France, Spain, USA), or with a British sort code."""
    plain = _bare(text)
    found = _RIB.fullmatch(plain)
    if found is not None:
        bank, branch, account = (int(part.translate(_RIB_DIGITS)) for part in found.groups()[:3])
        return (89 * bank + 15 * branch + 3 * account + int(found[4])) % 97 == 0
    routed = _ROUTED.fullmatch(text.strip())
    if routed is not None:
        return validator("us.rtn")(routed[1])
    return _SORT_CODE.fullmatch(text.strip()) is not None or (len(plain) == 20 and validator("es.ccc")(plain))


def looks_like_account(text: str) -> bool:
    """Whether this may be the number of a bank account: six digits or more and hardly anything else."""
    plain = re.sub(r"[\s/.-]", "", text)
    return sum(c.isdigit() for c in plain) >= 6 and len(plain) <= 34 and sum(c.isalpha() for c in plain) <= 6


def is_plate(text: str) -> bool:
    """Whether this has the shape of a number plate."""
    return len(text) <= 12 and _PLATE.fullmatch(text.strip()) is not None


def are_plates(texts: Sequence[str], share: float) -> bool:
    """Whether so large a share of the texts has the format of one country's number plates."""
    return any(sum(re.fullmatch(plate, text) is not None for text in texts) >= share * len(texts) for plate in PLATES)


def is_mac(text: str) -> bool:
    """Whether this is the address of a network card: EUI-48, in groups."""
    return _MAC.fullmatch(text.strip()) is not None


def is_vin(text: str) -> bool:
    """Whether this has the format of a vehicle's number: 17 letters and digits without I, O and Q (ISO 3779)."""
    return _VIN.fullmatch(text.strip()) is not None


def is_imei(text: str) -> bool:
    """Whether this is the number of a telephone: 15 digits that pass the check of Luhn (3GPP TS 23.003)."""
    digits = re.sub(r"[\s-]", "", text)
    return len(digits) == 15 and digits.isascii() and digits.isdigit() and passes_luhn(digits)
