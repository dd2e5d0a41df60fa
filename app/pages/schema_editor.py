"""The schema of a data set as a form: what each column is, what it is for, and why it was proposed so."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from markupsafe import Markup
from pydantic import ValidationError

from app.context import Backend
from app.errors import SchemaChangedError
from app.pages.common import Form, FormOf, Writing, go, looked_at, page
from app.pages.forms import Faults, FormRoute, noted
from app.pages.kinds import KINDS, ROLES, counted, kind_of, kind_options, role_options
from app.routes.common import BackendOf
from app.services import corrections, datasets
from app.sessions import WebSession
from app.wire import Column, Dataset, SchemaRequest

COLUMNS = 200
"""So many columns stand in one form."""
_COLUMN = re.compile(r"column (?P<quote>['\"])(?P<name>.*?)(?P=quote)(?=:| is stored)", re.DOTALL)

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One column in the form."""

    place: int
    column: Column
    kind: Markup
    """The options of its kind, with the one that is chosen."""
    role: Markup
    pattern: str
    missing: str
    was: str
    """What it was when the form was shown, so that a form that comes late brings back nothing that others changed."""


@router.get("/datasets/{dataset_id}/schema")
def show(backend: BackendOf, session: Writing, dataset_id: str, start: int = 0) -> Response:
    """The form."""
    dataset = datasets.described(backend, session.caller, dataset_id)
    return _form(session, dataset, start, {}, Faults(status=200))


@router.post("/datasets/{dataset_id}/schema")
def correct(
    request: Request, backend: BackendOf, session: Writing, dataset_id: str, form: FormOf, start: int = 0
) -> Response:
    """Correct what differs from what was shown."""
    look = looked_at(session, form)
    dataset = datasets.described(backend, session.caller, dataset_id)
    faults = Faults(status=200)
    if not look:
        names = [f"{field}.{place}" for place in range(len(dataset.columns)) for field in ("kind", "role", "missing")]
        try:
            with noted(faults, names):
                request_body = _request(form, dataset, faults)
                if not faults:
                    _correct(backend, session, dataset, form, request_body)
                    return go(request, f"/datasets/{dataset_id}")
        except SchemaChangedError:
            faults.general.append(CHANGED)
            faults.status = SchemaChangedError.status
        _place(faults, dataset)
    return _form(session, datasets.described(backend, session.caller, dataset_id), start, form, faults)


KIND_FAULT = "expected one of the kinds of the list, and a pattern of dates of at most 40 characters, got others"
CHANGED = (
    "Nothing was recorded, because somebody changed this schema after you opened it. What you typed still stands "
    "below; the second line of a column says what it is now. Look at both, and save again"
)


def _correct(
    backend: Backend, session: WebSession, dataset: Dataset, form: Form, request: SchemaRequest | None
) -> None:
    """Send the columns that differ. Raises SchemaChangedError where another schema was shown than there is now."""
    version = corrections.schema_version(dataset.columns)
    if form.get("version") != version:
        raise SchemaChangedError("expected corrections of the schema as it is now")
    if request is not None:
        corrections.correct_schema(backend, session.caller, dataset.id, request, version)


def _request(form: Form, dataset: Dataset, faults: Faults) -> SchemaRequest | None:
    """The columns that differ; None where none does. What cannot be said of a column is noted beside it."""
    changes = {
        place: change for place, column in enumerate(dataset.columns) if (change := _change(form, place, column))
    }
    if not changes:
        return None
    try:
        return SchemaRequest.model_validate({"columns": list(changes.values())})
    except ValidationError as error:
        places = list(changes)
        for each in error.errors(include_input=False):
            _, index, field, *_ = (*each["loc"], "kind")
            said = KIND_FAULT if field == "kind" else str(each["msg"])
            faults.fields[f"{field}.{places[int(index)]}"] = said
        faults.status = 422
        return None


def _change(form: Form, place: int, column: Column) -> dict[str, object] | None:
    """What the form says otherwise of a column; None where it says nothing new."""
    kind, role = form.get(f"kind.{place}", kind_of(column)), form.get(f"role.{place}", column.role)
    pattern, missing = form.get(f"pattern.{place}", "").strip(), form.get(f"missing.{place}", "")
    if kind == "datetime" and pattern:
        kind = f"datetime:{pattern}"
    markers = [marker for line in missing.split("\n") if (marker := line.strip())]
    new = {
        "kind": kind if kind != kind_of(column) else None,
        "role": role if role != column.role else None,
        "missing": markers or None,
    }
    changed = {name: value for name, value in new.items() if value is not None}
    return {"name": column.name, **changed} if changed else None


def _place(faults: Faults, dataset: Dataset) -> None:
    """Move what is said of a column, which it names, to its field."""
    places = {column.name: place for place, column in enumerate(dataset.columns)}
    for said in list(faults.general):
        match = _COLUMN.search(said)
        if match and (place := places.get(match["name"])) is not None:
            faults.general.remove(said)
            field = "role" if "person column" in said or "role" in said or "target" in said else "kind"
            faults.fields[f"{field}.{place}"] = said[match.end() :].lstrip(": ")


def _form(session: WebSession, dataset: Dataset, start: int, form: Form, faults: Faults) -> Response:
    start = min(max(start, 0), max(len(dataset.columns) - 1, 0)) // COLUMNS * COLUMNS
    lines = [
        _line(place, column, form) for place, column in enumerate(dataset.columns[start : start + COLUMNS], start=start)
    ]
    return page(
        "schema.html",
        faults.status,
        session=session,
        dataset=dataset,
        version=corrections.schema_version(dataset.columns),
        lines=lines,
        counted=counted(dataset),
        start=start,
        step=COLUMNS,
        form=form,
        faults=faults,
    )


def _line(place: int, column: Column, form: Form) -> Line:
    now = (kind_of(column), column.role)
    typed = (form.get(f"{field}.{place}") for field in ("kind", "role"))
    was = form.get(f"was.{place}", "").split(" ")
    kind, role = (value if new is None or _mark(new) in was else new for new, value in zip(typed, now, strict=True))
    return Line(
        place=place,
        column=column,
        kind=kind_options(kind if any(kind in words for words in KINDS.values()) else kind_of(column)),
        role=role_options(role if role in ROLES else column.role),
        pattern=form.get(f"pattern.{place}", ""),
        missing=form.get(f"missing.{place}", ""),
        was=" ".join(map(_mark, now)),
    )


def _mark(text: str) -> str:
    """A few letters that stand for a value of a field."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
