"""What was typed into a form whose session ended: it goes with the form to sign in, and comes back after it."""

from __future__ import annotations

import json

from fastapi import Response

from app.pages.common import LOOK, Form, page
from app.sessions import WebSession

KEPT = "kept"
"""The field of the form to sign in that has what was typed, as JSON."""
SECRETS = frozenset({"password", "again", "current", "code", "key"})
"""Fields that are never kept: passwords, codes and keys."""
DROPPED = SECRETS | {"csrf", "once", LOOK, "action", "username"}
"""These, and what nobody has typed."""


def keep(form: Form) -> Form:
    """What was typed, as one field; nothing where a button was all of it, or a secret."""
    typed = {name: value for name, value in form.items() if name not in DROPPED}
    return {KEPT: json.dumps(typed)} if typed else {}


def resumed_page(session: WebSession, then: str, kept: str) -> Response:
    """A page that leads back to the form of the address `then`, with what was typed."""
    return page("back_to_form.html", session=session, then=then, fields=_fields(kept))


def _fields(kept: str) -> dict[str, str]:
    """The fields of what was kept; none where it is not what `keep` wrote: it came over the network."""
    try:
        found = json.loads(kept)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    texts = {_written(name): _written(value) for name, value in found.items() if isinstance(value, str)}
    return {name: value for name, value in texts.items() if name not in DROPPED}


def _written(text: str) -> str:
    """The text without halves of characters, which JSON can hold and a page cannot."""
    return text.encode("utf-8", "replace").decode()
