"""Forms: what is wrong with which field, nothing typed is lost, and sending one twice does its work once."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request, Response
from pydantic import ValidationError

from app.errors import QuotaError, SchemaChangedError, ServiceError
from app.intake.errors import IntakeError
from app.pages import drafts, sign_in
from app.pages.common import ForgedFormError, Form, PageRoute, form_of, is_of_script
from privacy.errors import PrivacyError
from synth.errors import SynthError

ENDED_WITH_NOTHING = "Your session is over, and nothing was changed. Sign in again, then do it once more."
ENDED_WITH_FILE = "Your session is over. Sign in again, then choose the file once more: it was not kept."
URLENCODED = "application/x-www-form-urlencoded"
NO_FAULTS = frozenset({401, 403, 404})
"""Statuses that no other entry in the form would change."""
_NAMED = re.compile(r"^([a-z_]+): (.*)$", re.DOTALL)
_QUESTION = re.compile(r"^ask (?=\d+(, \w+)?: )")
_SHOULD = re.compile(r"^Input should be (?=(greater|less)?)")
_NUMBERS: Mapping[str, str] = {
    "int_parsing": "expected a whole number, such as 5000, got something else",
    "int_parsing_size": "expected a whole number, such as 5000, got one with too many digits",
    "int_from_float": "expected a whole number, such as 5000, got one with decimals",
    "float_parsing": "expected a number, such as 0.5, got something else",
}
"""What is said of text that is no number, by the type of the error."""


@dataclass(kw_only=True, slots=True)
class Faults:
    """What is wrong with a form: by field, and of the whole."""

    fields: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    status: int = 422

    def __bool__(self) -> bool:
        return bool(self.fields or self.general)

    def add(self, name: str, said: str, names: Collection[str]) -> None:
        """Note what is said of a field; of the whole where the form has no such field."""
        if name in names:
            self.fields.setdefault(name, said)
        else:
            self.general.append(f"{name}: {said}" if name else said)


class FormRoute(PageRoute):
    """A route whose forms lose nothing where the session ends: after signing in they are shown as they were sent.

    Passwords and other secrets are not kept. The form of an address is shown by GET of the same address.
    """

    async def ended(self, request: Request) -> Response:
        """The form to sign in, with what was typed."""
        if request.method != "POST" or is_of_script(request):
            return await PageRoute.ended(self, request)
        query = f"?{request.url.query}" if request.url.query else ""
        then = sign_in.local(f"{request.url.path}{query}")
        if not request.headers.get("content-type", "").lower().startswith(URLENCODED):
            return sign_in.form_page(request, then=then, error=ENDED_WITH_FILE, status=401)
        draft = drafts.keep(await form_of(request))
        error = sign_in.ENDED if draft else ENDED_WITH_NOTHING
        return sign_in.form_page(request, then=then, error=error, status=401, draft=draft)


class noted:  # noqa: N801 - reads as a statement
    """Notes the refusal of what the block asks for, beside the field that it is about.

    `other` gives the field for what the services call otherwise. Whoever is not signed in, and failures of ours, are
    no faults of a form: they are raised as they are.
    """

    def __init__(self, faults: Faults, names: Collection[str], other: Mapping[str, str] | None = None) -> None:
        self.faults = faults
        self.names = names
        self.other = other or {}

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """True where the refusal was noted."""
        if isinstance(error, ValidationError):
            wrong = [(each["loc"], _worded(each["type"], each["msg"])) for each in error.errors(include_input=False)]
            _note_invalid(self.faults, self.names, wrong)
            self.faults.status = 422
            return True
        if not isinstance(error, ServiceError | SynthError | PrivacyError):
            return False
        status = error.status if isinstance(error, ServiceError) else 422
        failed = status >= 500 and not isinstance(error, QuotaError)
        if failed or status in NO_FAULTS or isinstance(error, SchemaChangedError | ForgedFormError):
            return False
        self.faults.status = status
        said = error.detail if isinstance(error, ServiceError) else str(error)
        said = _QUESTION.sub("ask: question ", said)
        match = _NAMED.match(said)
        name = self.other.get(match[1], match[1]) if match else ""
        if match and name in self.names:
            self.faults.fields.setdefault(name, match[2])
        else:
            self.faults.general.append(f"{error.title}: {said}" if isinstance(error, IntakeError) else said)
        return True


def _worded(kind: str, said: str) -> str:
    """What is wrong with a value, in the words of the other errors."""
    said = said.removeprefix("Value error, ")
    return _NUMBERS.get(kind) or _SHOULD.sub(lambda found: "expected a number " if found[1] else "expected ", said)


def _note_invalid(faults: Faults, names: Collection[str], wrong: Sequence[tuple[Sequence[object], str]]) -> None:
    for places, said in wrong:
        faults.add(next((str(each) for each in places if each in names), ""), said, names)


def fresh() -> str:
    """What tells one form that was shown from any other."""
    return secrets.token_urlsafe(12)


def once(form: Form) -> str | None:
    """The idempotency key of a form: the same where it is sent twice as it is, another one where a field differs."""
    shown = form.get("once", "")
    if not shown:
        return None
    rest = {name: value for name, value in form.items() if name != "csrf"}
    return f"page-{hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}"


def given(form: Form, names: Collection[str], convert: Callable[[str], object] = str.strip) -> dict[str, object]:
    """The fields of these names that have something in them."""
    return {name: convert(form[name]) for name in names if form.get(name, "").strip()}
