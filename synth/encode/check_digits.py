"""Check digits of codes: which ones a column has, where they stand, and how a fresh code gets its own."""

from __future__ import annotations

from collections.abc import Iterable

from synth.detect.checks import is_card, is_iban, national_module, validator
from synth.written.surrogate import Replaced


def find_check(of: Replaced, texts: list[str]) -> str:
    """The check that most codes pass: `iban`, `luhn`, a module of python-stdnum; empty where there is none."""
    some = texts[:200]
    if of is Replaced.IBAN and sum(map(is_iban, some)) > len(some) / 2:
        return "iban"
    if of in (Replaced.CARD, Replaced.DEVICE) and sum(map(is_card, some)) > len(some) / 2:
        return "luhn"
    return (national_module(some, 0.5) or "") if of is Replaced.NATIONAL_ID and some else ""


def check_places(text: str, check: str) -> list[int]:
    """Where the check digits stand: the third and fourth sign of an IBAN, mostly the last one or two."""
    signs = [i for i, character in enumerate(text) if character.isalnum()]
    if check == "iban":
        return signs[2:4]
    if check in {"gb.utr", "fr.nif"}:
        return signs[:1] if check == "gb.utr" else signs[-3:]
    return signs[-2:] if check in {"fr.nir", "be.nn", "br.cpf", "no.fodselsnummer"} else signs[-1:]


def without_check_digits(text: str, check: str) -> str:
    """The code with 0 or A for its check digits, so that a fresh code differs from all real ones elsewhere."""
    places = set(check_places(text, check))
    return "".join(("0" if c.isdigit() else "A") if i in places else c for i, c in enumerate(text))


def _variants(text: str, check: str) -> Iterable[str]:
    """The code with all possible check digits."""
    places = check_places(text, check)
    signs = "0123456789" if all(text[i].isdigit() for i in places) else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for number in range(len(signs) ** len(places)):
        changed, rest = list(text), number
        for place in places:
            rest, sign = divmod(rest, len(signs))
            changed[place] = signs[sign]
        yield "".join(changed)


def _passes(text: str, check: str) -> bool:
    if check in {"iban", "luhn"}:
        return is_iban(text) if check == "iban" else is_card(text)
    return validator(check)(text)


def with_check_digits(text: str, check: str) -> str:
    """The code with the right check digits, where any make it right."""
    if not check:
        return text
    return next((t for t in _variants(text, check) if _passes(t, check)), text)
