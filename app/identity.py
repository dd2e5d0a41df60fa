"""Who is behind what acts: an API key or a person. Four eyes are those of two people, whatever keys they hold."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.orm import ApiKeyRow, PersonRow

PERSON = "person_"
"""How the ids of people begin; those of keys begin otherwise."""


def account_of(session: Session, actor_id: str | None) -> str | None:
    """The account behind the id of a key or a person; None where there is none, or no such key or person."""
    if actor_id is None:
        return None
    if actor_id.startswith(PERSON):
        person = session.get(PersonRow, actor_id)
        return None if person is None else person.id
    key = session.get(ApiKeyRow, actor_id)
    return None if key is None else key.person_id


def are_two(one: str | None, other: str | None) -> bool:
    """True where these are the accounts of two people. A key of nobody's account may be anybody's.

    The triggers of `migrations.four_eyes` say the same in SQL.
    """
    return one is not None and other is not None and one != other
