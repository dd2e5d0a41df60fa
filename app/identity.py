"""Who is behind what acts: an API key or a person. Four eyes are those of two people, whatever keys they hold."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.orm import ApiKeyRow, PersonRow

PERSON = "person_"
"""How the ids of people begin; those of keys begin otherwise."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person with an account, or whoever is said to hold a key."""

    person_id: str | None
    folded: str


def identity_of(session: Session, actor_id: str | None) -> Identity | None:
    """Who is behind the id of a key or a person; None where it is the id of neither."""
    if actor_id is None:
        return None
    if actor_id.startswith(PERSON):
        person = session.get(PersonRow, actor_id)
        return None if person is None else Identity(person.id, person.folded)
    key = session.get(ApiKeyRow, actor_id)
    return None if key is None else Identity(key.person_id, key.folded)


def may_be_same(one: Identity | None, other: Identity | None) -> bool:
    """True unless these are two people for sure: two accounts, or two names where one of them has none.

    The triggers of `migrations.four_eyes` say the same in SQL.
    """
    if one is None or other is None:
        return True
    if one.person_id is not None and other.person_id is not None:
        return one.person_id == other.person_id
    return one.folded == other.folded
