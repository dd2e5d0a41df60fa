"""Which texts are e-mail addresses, phone numbers, account numbers, national ids and so on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

import phonenumbers

STRONG = [
    "de.idnr",
    "fr.nir",
    "es.dni",
    "es.nie",
    "it.codicefiscale",
    "nl.bsn",
    "be.nn",
    "ch.ssn",
    "pl.pesel",
    "se.personnummer",
    "gb.nhs",
    "pt.nif",
    "br.cpf",
    "in_.aadhaar",
    "ca.sin",
    "at.vnr",
    "fi.hetu",
    "no.fodselsnummer",
    "ie.pps",
    "fr.nif",
    "gb.utr",
]
"""National ids whose check digits few other numbers pass; modules of python-stdnum."""
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}")
HANDLE = re.compile(r"@[^\W\d_][\w.]{1,30}")
TRUNK_DIGITS = re.compile(r"0[1-9]\d{7,9}")
URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
PHONE = re.compile(r"\+?[\d(][\d\s().\-/]{5,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,5})?")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
REGIONS = (None, "US", "GB", "DE", "FR", "ES", "IT", "NL", "PT")
TRUNK = frozenset({"GB", "DE", "FR", "NL"})
"""Countries in which a number without the country's code begins with 0, the national prefix (ITU-T E.164)."""


def is_email(text: str) -> bool:
    """Whether this is an e-mail address."""
    return EMAIL.fullmatch(text.strip()) is not None


def is_url(text: str) -> bool:
    """Whether this is an address on the web."""
    return URL.fullmatch(text.strip()) is not None


def is_ip(text: str) -> bool:
    """Whether this is an IP address, version 4 or 6."""
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return True


def is_iban(text: str) -> bool:
    """Whether this is an IBAN whose check digits are right (ISO 13616: the remainder by 97 is 1)."""
    plain = re.sub(r"[\s-]", "", text).upper()
    return IBAN.fullmatch(plain) is not None and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def looks_like_iban(text: str) -> bool:
    """Whether this has the shape of an IBAN."""
    return IBAN.fullmatch(re.sub(r"[\s-]", "", text).upper()) is not None


def is_card(text: str) -> bool:
    """Whether this is a payment card number: 13 to 19 digits that pass the check of Luhn (ISO/IEC 7812)."""
    digits = re.sub(r"[\s-]", "", text)
    if not (digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19 and digits[0] in "23456"):
        return False
    return passes_luhn(digits)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812, annex B)."""
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def is_handle(text: str) -> bool:
    """Whether this is the name of somebody in a network: @anna_weber."""
    return HANDLE.fullmatch(text.strip()) is not None


def is_signed_phone(text: str) -> bool:
    """Whether this is written as telephone numbers alone are: +49 30 1234, 030 12345678, (212) 555-0123."""
    text = text.strip()
    signs = sum(c in " -/()." for c in text)
    return "+" in text or signs >= 2 or (signs == 1 and text.startswith(("0", "(")))


def is_trunk(text: str) -> bool:
    """Whether these are nine to eleven digits of which the first is 0, the sign of a number within the country."""
    return TRUNK_DIGITS.fullmatch(text.strip()) is not None


def looks_like_phone(text: str) -> bool:
    """Whether this has the shape of a phone number: 6 to 15 digits with the usual signs between."""
    return PHONE.fullmatch(text.strip()) is not None and 6 <= sum(c.isdigit() for c in text) <= 20


def phone_region(texts: list[str]) -> tuple[float, str | None]:
    """(share of valid phone numbers, where), for the country in which most of them are; None with a country code."""
    return max(
        ((sum(is_valid_phone(t, region) for t in texts) / len(texts), region) for region in REGIONS), key=lambda p: p[0]
    )


def is_valid_phone(text: str, region: str | None) -> bool:
    """Whether this is a phone number that may be given in a country, or one with a country code."""
    if region in TRUNK and not re.sub(r"\D", "", text).startswith("0"):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=64)
def validator(module: str) -> Callable[[str], bool]:
    """The check of one kind of national id, by its module in python-stdnum."""
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return check


def national_module(texts: list[str], share: float) -> str | None:
    """The kind of national id of which so large a share of the texts passes the check; None where there is none."""
    for module in STRONG:
        check = validator(module)
        if sum(map(check, texts[:30])) >= share * len(texts[:30]) and sum(map(check, texts)) >= share * len(texts):
            return module
    return None
