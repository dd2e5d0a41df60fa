"""Which columns are called identifiers, and of what: of people, of what happens to them, or of things."""

from __future__ import annotations

from synth.detect.words import NUMBERED, PEOPLE, RECORDS, STAFF, THINGS, words_of

_FILLERS = frozenset({"number", "no", "nr", "num", "nbr", "nummer", "numero", "key", "hash", "hashed", "address"})
"""Words after a thing that make a name of it: account_number."""
_IDENTIFIERS = frozenset(
    [
        "id",
        "uid",
        "uuid",
        "guid",
        "ssn",
        "iban",
        "mrn",
        "passport",
        "licence",
        "license",
        "account",
        "email",
        "phone",
        "telephone",
        "matricule",
        "aktenzeichen",
        "pseudonym",
        "dni",
        "nif",
        "nie",
        "bsn",
        "codicefiscale",
        "steuerid",
    ]
)
"""Words that make an identifier of whatever stands before them."""
_HELD = frozenset(
    [
        "bank",
        "card",
        "credit",
        "policy",
        "record",
        "case",
        "medical",
        "health",
        "insurance",
        "social",
        "security",
        "national",
        "tax",
        "driver",
        "drivers",
        "driving",
        "mail",
        "mobile",
        "cell",
        "home",
        "work",
        "contact",
        "chart",
        "dossier",
        "akte",
        "akten",
        "personal",
        "household",
        "zip",
    ]
) - {"zip"}
"""Words for what a person has, where a word such as number follows: policy alone may be an amount."""
_SUFFIXES = ("nummer", "numero", "nr", "num", "no", "id")
_LEADING = frozenset({"no", "nr", "numero", "matricule"})
"""Fillers that stand before a thing as well: numéro de dossier, N° client, No. dossier."""
_JOINING = frozenset({"de", "du", "do", "da", "di", "del", "della"})
_SIGNS = str.maketrans({"#": " no ", "°": "o ", "º": "o "})
"""Signs for number: Chart #, N° dossier."""
SHARED = frozenset({"phone", "telephone"})
"""Words for what a household or a firm has together."""


def is_called_identifier(name: str) -> bool:
    """Whether a column of this name says which record or person a record is about: patient_id, customerID, ssn, ..."""
    words = [word for word in stems_of(name) if not word.isdigit()]
    bare = list(words)
    while bare and bare[-1] in _FILLERS:
        bare.pop()
    while len(bare) > 1 and bare[0] in _LEADING | _JOINING:
        bare.pop(0)
    if not bare:
        return False
    people = PEOPLE | STAFF
    if bare[-1] in _IDENTIFIERS or bare[0] == "id" or people.issuperset(bare):
        return True
    return len(bare) < len(words) and (people | _HELD | RECORDS | THINGS).issuperset(bare)


def stems_of(name: str) -> list[str]:
    """The words of a name; patientid and kundennummer count as two each."""
    words: list[str] = []
    for word in words_of(name.translate(_SIGNS)):
        words += _parted(word) or [word]
    return words


def _parted(word: str) -> list[str]:
    """What a word is a number of, and the number; mitgliedsnummer is one of a mitglied. Empty where it is none."""
    known = PEOPLE | _HELD | STAFF | RECORDS
    for suffix in _SUFFIXES:
        stem = word.removesuffix(suffix)
        if stem == word:
            continue
        thing = stem if stem in known else stem.removesuffix("s")
        if thing in known:
            return [thing, "id" if suffix == "id" else "number"]
    return []


def names_people(name: str) -> bool:
    """Whether the name speaks of the people whom records may be about, rather than of those who serve them."""
    return not PEOPLE.isdisjoint(stems_of(name)) and STAFF.isdisjoint(stems_of(name))


def names_others(name: str) -> bool:
    """Whether the name speaks of a thing, a place, or somebody who serves many: branch, ward, doctor, manager."""
    stems = frozenset(stems_of(name))
    return not stems.isdisjoint(THINGS | STAFF) and stems.isdisjoint(PEOPLE)


def names_records(name: str) -> bool:
    """Whether the name speaks of what happens to people: order, visit, loan."""
    return not RECORDS.isdisjoint(stems_of(name))


def is_numbered(name: str) -> bool:
    """Whether the name ends as that of a number of something does."""
    return not NUMBERED.isdisjoint(stems_of(name))
