"""What was typed into a form whose session ended: it goes with the form to sign in, and comes back after it."""

from __future__ import annotations

import json

from fastapi import Response

from app.pages.common import LOOK, Form, page
from app.sessions import WebSession

KEPT = "kept"
"""The field of the form to sign in that has what was typed, as JSON."""
OURS = frozenset({"csrf", "once", LOOK})


def keep(form: Form) -> Form:
    """What was typed, as one field."""
    return {KEPT: json.dumps({name: value for name, value in form.items() if name not in OURS})}


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
    return {name: value for name, value in texts.items() if name not in OURS}


def _written(text: str) -> str:
    """The text without halves of characters, which JSON can hold and a page cannot."""
    return text.encode("utf-8", "replace").decode()
