"""All forms, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from synth.calendar_names import CASES, MONTHS
from synth.errors import SchemaError
from synth.written.clock import STYLES, ClockForm
from synth.written.moments import TOKEN, ZONES, MomentForm
from synth.written.numbers import DECIMALS, GROUPS, MOST_PLACES, NumberForm
from synth.written.surrogate import Replaced, SurrogateForm

ValueForm = NumberForm | MomentForm | ClockForm
Form = ValueForm | SurrogateForm
_TYPES: dict[str, type[Form]] = {
    "number": NumberForm,
    "moment": MomentForm,
    "clock": ClockForm,
    "surrogate": SurrogateForm,
}
LONGEST = 64
"""Characters of a text in a form."""


def form_to_json(form: Form) -> dict[str, Any]:
    """The form as JSON values; what has its default is left out."""
    name = next(name for name, kind in _TYPES.items() if isinstance(form, kind))
    given = {f.name: getattr(form, f.name) for f in fields(form) if getattr(form, f.name) != f.default}
    return {"type": name, **{key: str(v) if isinstance(v, Replaced) else v for key, v in given.items()}}


def form_from_json(values: Any) -> Form:  # noqa: ANN401 - an untrusted value
    """The form that `form_to_json` wrote. Raises SchemaError on anything else."""
    if not isinstance(values, Mapping) or values.get("type") not in _TYPES:
        raise SchemaError(f"form: expected a type of {list(_TYPES)}")
    kind = _TYPES[str(values["type"])]
    given = {str(key): value for key, value in values.items() if key != "type"}
    unknown = set(given) - {f.name for f in fields(kind)}
    if unknown:
        raise SchemaError(f"form: expected the fields of {values['type']}, got {len(unknown)} others")
    if any(isinstance(value, str) and len(value) > LONGEST and key != "refers_to" for key, value in given.items()):
        raise SchemaError(f"form: expected texts of at most {LONGEST} characters")
    try:
        if kind is SurrogateForm:
            given["of"] = Replaced(str(given.get("of")))
        form = kind(**given)
        usable = _is_usable(form)
    except (TypeError, ValueError, KeyError):
        usable = False
    if not usable:
        raise SchemaError(f"form: expected a {values['type']} that can be written, got another one")
    return form


def _is_usable(form: Form) -> bool:
    """Whether all fields have values that they may have."""
    if isinstance(form, SurrogateForm):
        return form.refers_to is None or isinstance(form.refers_to, str)
    if isinstance(form, ClockForm):
        return form.style in STYLES
    if isinstance(form, MomentForm):
        known = form.zone in ZONES and form.language in MONTHS and form.case in CASES
        return known and bool(TOKEN.search(form.pattern)) and form.parse(form.format(0)) is not None
    whole_numbers = all(type(n) is int and 0 <= n <= MOST_PLACES for n in (form.places or 0, form.width))
    flags = type(form.plus) is bool and type(form.whole) is bool
    signs = form.decimal in DECIMALS and form.group in GROUPS and form.decimal != form.group
    known = whole_numbers and flags and signs and form.negative in {"-", "()", "back"}
    return known and form.parse(form.format(1)) is not None
