"""The kinds and roles of columns in words, and as the options of a form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup

from app.intake.sampler import sampled_rows
from app.wire import Column, Dataset

KINDS: Mapping[str, Mapping[str, str]] = {
    "Learnt": {
        "categorical": "categorical",
        "numerical": "numerical",
        "datetime": "datetime",
    },
    "Never learnt, replaced by made-up values": {
        "identifier": "identifier",
        "name": "name",
        "first_name": "first name",
        "last_name": "last name",
        "username": "user name",
        "email": "e-mail address",
        "phone": "telephone number",
        "address": "postal address",
        "iban": "bank account (IBAN)",
        "card": "payment card",
        "national_id": "national id",
        "ip": "IP address",
        "mac": "MAC address",
        "device": "device number",
        "url": "web address",
        "plate": "number plate",
        "coordinates": "coordinates",
        "text": "free text",
    },
}
ROLES: Mapping[str, str] = {
    "feature": "feature",
    "person": "person",
    "order": "order of records",
    "target": "target",
}


def kind_of(column: Column) -> str:
    """What a column is, as it is said in a request."""
    form = column.form or {}
    of = form.get("of")
    return str(of) if column.kind == "identifier" and of and of != "code" else column.kind


def kind_said(column: Column) -> str:
    """What a column is, for people."""
    return next(words[kind_of(column)] for words in KINDS.values() if kind_of(column) in words)


def counted(dataset: Dataset) -> int | None:
    """In how many records at most values were counted to propose the columns; None where it was in all of them."""
    most = sampled_rows(len(dataset.columns))
    return most if dataset.rows > most else None


@lru_cache(maxsize=64)
def kind_options(chosen: str) -> Markup:
    """The options of a kind, one of which is chosen."""
    groups = [
        Markup('<optgroup label="{}">{}</optgroup>').format(title, _options(words, chosen))
        for title, words in KINDS.items()
    ]
    return Markup("").join(groups)


@lru_cache(maxsize=8)
def role_options(chosen: str) -> Markup:
    """The options of a role, one of which is chosen."""
    return _options(ROLES, chosen)


def _options(words: Mapping[str, str], chosen: str) -> Markup:
    option = Markup('<option value="{}"{}>{}</option>')
    selected = Markup(" selected")
    return Markup("").join(option.format(key, selected if key == chosen else "", word) for key, word in words.items())
