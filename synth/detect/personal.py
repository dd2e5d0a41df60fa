"""Which columns hold data that says by itself who somebody is, told by their names and by their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth.detect import checks, papers, places, words
from synth.detect.names import (
    are_codes,
    is_addressed,
    is_first_and_last,
    is_titled,
    looks_like_name,
    names_a_user,
    part_of_names,
    share_of_first_names,
    shares_of_names,
)
from synth.written.surrogate import Replaced

SAMPLE = 300
"""So many distinct values are looked at."""
FEW = 20
"""Values alone tell nothing where there are fewer distinct ones."""
HIGH, FAIR, LOW = 0.95, 0.8, 0.6
"""Confidence: name and values agree; the values alone say so; the name does, and the values do not speak against it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Personal:
    """What a column holds, how sure that is, and why, in a line."""

    of: Replaced
    confidence: float
    reason: str


def detect_personal(name: str, distinct: Sequence[str]) -> Personal | None:
    """What personal data a column of this name and these distinct texts holds; None where it holds none."""
    texts = [text for text in distinct[:: max(1, len(distinct) // SAMPLE)][:SAMPLE] if text.strip()]
    if not texts:
        return None
    named = words.words_of(name)
    return _by_check(named, texts) or _national(named, texts) or _phone(named, texts) or _person(named, texts)


def _share(check: Callable[[str], bool], texts: Sequence[str]) -> float:
    return sum(map(check, texts)) / len(texts)


_CHECKS: tuple[tuple[Replaced, str, Callable[[str], bool], frozenset[str]], ...] = (
    (Replaced.EMAIL, "e-mail addresses", checks.is_email, words.EMAIL),
    (Replaced.IP, "IP addresses", checks.is_ip, words.IP),
    (Replaced.URL, "web addresses", checks.is_url, words.URL),
    (Replaced.IBAN, "IBANs with the right check digits", checks.is_iban, words.IBAN),
    (Replaced.IBAN, "the shape of an IBAN", checks.looks_like_iban, words.IBAN),
    (Replaced.IBAN, "bank accounts", papers.is_account, words.IBAN),
    (Replaced.CARD, "payment card numbers with the right check digit", checks.is_card, words.CARD),
    (Replaced.MAC, "addresses of network cards", papers.is_mac, words.DEVICE),
    (Replaced.DEVICE, "numbers of vehicles", papers.is_vin, words.DEVICE),
    (Replaced.COORDINATES, "latitude and longitude", places.is_place, words.COORDINATES),
    (Replaced.USERNAME, "names that begin with @", checks.is_handle, words.USERNAMES),
    (Replaced.ADDRESS, "addresses with a number", places.is_address, words.ADDRESS),
)
_BY_NAME: tuple[tuple[Replaced, Callable[[str], bool], frozenset[str]], ...] = (
    (Replaced.DEVICE, papers.is_imei, words.DEVICE),
    (Replaced.PLATE, papers.is_plate, words.PLATE),
    (Replaced.IBAN, papers.looks_like_account, words.IBAN),
)
"""What the values alone could not tell."""


def _by_check(named: list[str], texts: list[str]) -> Personal | None:
    """E-mail, IP and web addresses, account and card numbers, streets: the values have a shape of their own."""
    for of, check, sayings in _BY_NAME:
        banked = of is Replaced.IBAN and any(pair <= set(named) for pair in words.BANKED)
        if (banked or not sayings.isdisjoint(named)) and _share(check, texts) >= 0.7:
            return Personal(of=of, confidence=HIGH, reason=f"its name and the shape of its values say {of}")
    for of, what, check, sayings in _CHECKS:
        share, said = _share(check, texts), not sayings.isdisjoint(named)
        if share >= 0.5 and said:
            return Personal(of=of, confidence=HIGH, reason=f"its name and {share:.0%} of its values say {of}: {what}")
        if share >= (0.7 if of is not Replaced.ADDRESS else 0.6) and (len(texts) >= FEW or of is Replaced.EMAIL):
            return Personal(of=of, confidence=FAIR, reason=f"{share:.0%} of its values are {what}")
    if len(texts) >= FEW and papers.are_plates(texts, 0.9):
        return Personal(of=Replaced.PLATE, confidence=FAIR, reason="its values have the format of number plates")
    return _numbered(texts)


def _numbered(texts: list[str]) -> Personal | None:
    """Streets of which only some have a word for one in their name: Am Mühlbach 56."""
    if len(texts) < FEW or _share(places.is_numbered, texts) < 0.9:
        return None
    share = _share(places.is_address, texts)
    reason = f"its values are names with a number, {share:.0%} of them of a street"
    return Personal(of=Replaced.ADDRESS, confidence=LOW, reason=reason) if share >= 0.3 else None


_CALLED = ("phone", "telef", "mobil", "handy", "tlf")


def _phone(named: list[str], texts: list[str]) -> Personal | None:
    shaped = _share(checks.looks_like_phone, texts)
    if shaped < 0.6:
        return None
    said = not words.PHONE.isdisjoint(named) or any(word.startswith(_CALLED) for word in named)
    if said:
        return Personal(
            of=Replaced.PHONE, confidence=HIGH, reason=f"its name says phone, {shaped:.0%} of its values look so"
        )
    if len(texts) < FEW:
        return None
    trunk = _share(checks.is_trunk, texts) >= 0.95
    if not trunk and _share(checks.is_signed_phone, texts) < 0.8:
        return None
    share, region = checks.phone_region(texts)
    others = words.CODES | words.NOT_PEOPLE | words.RECORDS | words.POSTCODES
    if region is not None and not others.isdisjoint(named):
        return None
    where = "with a country code" if region is None else f"of {region}"
    reason = f"{share:.0%} of its values are phone numbers {where}"
    return Personal(of=Replaced.PHONE, confidence=FAIR, reason=reason) if share >= (0.95 if trunk else 0.8) else None


def _national(named: list[str], texts: list[str]) -> Personal | None:
    said = not words.NATIONAL.isdisjoint(named) or any(pair <= set(named) for pair in words.SAID_TOGETHER)
    module = checks.national_module(texts, 0.5 if said else 0.9) if said or len(texts) >= FEW else None
    if module is not None:
        text = f"its values pass the check of a national id ({module.replace('_', '')})"
        return Personal(of=Replaced.NATIONAL_ID, confidence=HIGH if said else FAIR, reason=text)
    if _share(papers.is_paper, texts) >= 0.9 and (said or len(texts) >= FEW):
        reason = "its values have the shape of a national id"
        return Personal(of=Replaced.NATIONAL_ID, confidence=HIGH if said else FAIR, reason=reason)
    if said and _share(_is_code, texts) >= 0.8 and len(texts) >= FEW:
        return Personal(of=Replaced.NATIONAL_ID, confidence=LOW, reason="its name says national id or passport")
    return None


def _is_code(text: str) -> bool:
    return len(text) >= 5 and sum(c.isdigit() for c in text) >= 4


def _person(named: list[str], texts: list[str]) -> Personal | None:
    """Names of people, user names and addresses, where the column's name says so or most values are known names."""
    of = _named_as(named)
    if of is Replaced.USERNAME:
        fits = _share(lambda t: " " not in t and any(c.isalpha() for c in t), texts) >= 0.8 and len(texts) >= FEW
        return Personal(of=of, confidence=LOW, reason="its name says user name") if fits else None
    if of is Replaced.ADDRESS:
        fits = _share(lambda t: len(t.split()) >= 2 or (any(c.isdigit() for c in t) and len(t) > 5), texts) >= 0.5
        return Personal(of=of, confidence=LOW, reason="its name says address") if fits and len(texts) >= FEW else None
    if of is None and len(texts) >= FEW and _share(names_a_user, texts) >= 0.5:
        marked = _share(lambda t: any(c.isdigit() or c in "._-" for c in t), texts)
        if marked >= 0.3:
            return Personal(of=Replaced.USERNAME, confidence=LOW, reason="its values are names as users have them")
    if _share(looks_like_name, texts) < 0.8:
        return None
    return _codes_of_people(named, texts) if are_codes(texts) else _names(named, texts, of)


def _codes_of_people(named: list[str], texts: list[str]) -> Personal | None:
    """Codes in a column that is called name; one that is called patient is called an identifier besides."""
    if len(texts) < FEW or _named_as(named) is None or _says_people(named):
        return None
    return Personal(of=Replaced.CODE, confidence=LOW, reason="its name says names of people, its values are codes")


def _says_people(named: list[str]) -> bool:
    """Whether the name ends with a word for people: patient, but not patient_name."""
    bare = [word for word in named if not word.isdigit()]
    return bare[-1:] != [] and bare[-1] in words.PEOPLE | words.STAFF | words.CONTACTS


def _names(named: list[str], texts: list[str], of: Replaced | None) -> Personal | None:
    """Names of people, among texts that all look like names of something."""
    both, single = shares_of_names(texts)
    known = max(both, single)
    worded = _share(lambda t: any(len(w) > 1 for w in t.split()), texts) >= 0.8
    # a few words that nobody is called are names of something else, unless the column's name says whose they are
    if of is not None and worded and (len(texts) >= FEW or both + single >= 0.5 or _says_whose(named, texts, of)):
        also = f", {known:.0%} of its values are common ones" if known >= 0.3 else ""
        part = part_of_names(texts) if of is Replaced.NAME and not _says_people(named) else None
        confidence = HIGH if known >= 0.3 else LOW
        return Personal(of=part or of, confidence=confidence, reason=f"its name says names of people{also}")
    found = None
    if len(texts) >= FEW and words.NOT_PEOPLE.isdisjoint(named):
        titled = _share(is_titled, texts) >= 0.8
        if _share(is_addressed, texts) >= 0.8:
            found = Personal(of=Replaced.NAME, confidence=FAIR, reason="its values begin with the title of a person")
        elif titled and share_of_first_names(texts) >= 0.5:
            reason = f"{share_of_first_names(texts):.0%} of its values are a common first name with another name"
            found = Personal(of=Replaced.NAME, confidence=FAIR, reason=reason)
        elif both >= 0.4 and (titled or _share(is_first_and_last, texts) >= 0.5):
            reason = f"{both:.0%} of its values are a common first name with another name"
            found = Personal(of=Replaced.NAME, confidence=FAIR, reason=reason)
        elif single >= 0.7:
            reason = f"{single:.0%} of its values are common names of people"
            found = Personal(of=part_of_names(texts) or Replaced.NAME, confidence=LOW, reason=reason)
    return found


def _says_whose(named: list[str], texts: list[str], of: Replaced) -> bool:
    """Whether the column's name says that these are names of people and of nothing else: Nachname, patient_name."""
    if not words.NOT_PEOPLE.isdisjoint(named) or not words.OF_THINGS_TOO.isdisjoint(named):
        return False
    people = not (words.PEOPLE | words.STAFF).isdisjoint(named)
    return of in {Replaced.FIRST_NAME, Replaced.LAST_NAME} or (people and _share(is_titled, texts) >= 0.8)


def _named_as(named: list[str]) -> Replaced | None:
    """What the words of a column's name say that it holds, where this is about people."""
    bare = [word for word in named if not word.isdigit()]
    if not bare:
        return None
    about_things = not words.NOT_PEOPLE.isdisjoint(bare)
    for of, said in (
        (Replaced.USERNAME, words.USERNAMES),
        (Replaced.FIRST_NAME, words.FIRST_NAMES),
        (Replaced.LAST_NAME, words.LAST_NAMES),
        (Replaced.ADDRESS, words.ADDRESS),
    ):
        if not said.isdisjoint(bare):
            return of
    people = words.PEOPLE | words.STAFF | words.CONTACTS
    if not words.FULL_NAMES.isdisjoint(bare) and not about_things:
        return Replaced.NAME
    # patient, doctor: a text of such a name is a name, where its values look like one
    return Replaced.NAME if bare[-1] in people and len(bare) == 1 else None
