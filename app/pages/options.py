"""The options of a job between the fields of a form and the body of a request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.errors import InvalidRequestError
from app.pages.common import Form
from app.pages.forms import Faults, given, noted
from app.wire import Column
from app.wire_jobs import JobOptions
from synth.fidelity.asked.parse import lines_asked
from synth.table.ranges import as_number

PLACE_DIGITS = 9
PLAIN = ("rows", "policy", "seed", "shadow_models", "tolerance", "priority", "augment")
OF_RULES = ("find_rules", "broken_rules")
OF_GENERATOR = ("max_minutes", "max_steps", "objective")


def wanted(form: Form, columns: Sequence[Column], faults: Faults) -> dict[str, Any]:
    """What the form asks for, as a request says it. A condition that cannot be read is noted, and left out."""
    asked: dict[str, Any] = given(form, PLAIN)
    if "rows" in asked:
        asked["rows"] = asked["rows"].replace(",", "").replace("\u00a0", "").replace(" ", "")
    with noted(faults, ("conditions",)):
        asked["conditions"] = conditions(form.get("conditions", ""), columns)
    asked["mix"] = lines_of(form.get("mix", ""))
    asked["secrets"] = [column.name for place, column in enumerate(columns) if form.get(f"secret.{place}")]
    asked["source"] = lines_of(form.get("source", ""))
    asked["ask"] = lines_asked(form.get("ask", ""))
    return {name: value for name, value in asked.items() if value}


def training(form: Form) -> dict[str, Any]:
    """What the form asks of the training and of rules, as a request says it."""
    asked = of_rules(form, switched_off(form))
    if generator := given(form, OF_GENERATOR):
        asked["generator"] = generator
    return asked


def of_rules(form: Form, without: Sequence[str]) -> dict[str, Any]:
    """What the form asks of rules, as a request says it; `without` are those that are not to be kept."""
    asked: dict[str, Any] = given(form, OF_RULES)
    lists = {"rules": lines_of(form.get("rules", "")), "without_rules": list(without)}
    return asked | {name: lines for name, lines in lists.items() if lines}


def switched_off(form: Form) -> list[str]:
    """The rules that are not to be kept though the table proves them."""
    return list(dict.fromkeys(value for name, value in form.items() if name.startswith("without.") and value))


def lines_of(text: str) -> list[str]:
    """The lines that have something in them."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def conditions(text: str, columns: Sequence[Column]) -> dict[str, Any]:
    """Conditions by column from lines `column = value` and `column = from .. to`.

    Several values, and whether there is one, are written as a request has them: `column = ["a", "b"]`,
    `column = {"missing": true}`.

    Raises InvalidRequestError where a line is not one of these, names no column or one that another line has named.
    """
    found: dict[str, Any] = {}
    for number, line in enumerate(lines_of(text), start=1):
        column, value = _split(number, line, columns)
        if column.name in found:
            raise InvalidRequestError(f"conditions: line {number}: expected each column once, got one a second time")
        plain = value if column.kind == "categorical" else _range(number, value)
        said = _as_in_a_request(value)
        found[column.name] = plain if said is None else said
    return found


def _split(number: int, line: str, columns: Sequence[Column]) -> tuple[Column, str]:
    """The column that a line begins with, the longest where several fit, and what stands after its equals sign."""
    fitting = [(c.name.strip(), c) for c in columns if _begins(line, c.name.strip())]
    if not fitting:
        raise InvalidRequestError(
            f"conditions: line {number}: expected the name of a column, written as the data set has it, and =, as in "
            "age = 30 .. 40, got something else"
        )
    name, column = max(fitting, key=lambda each: (len(each[0]), each[0] == each[1].name))
    value = line[len(name) :].lstrip().removeprefix("=").strip()
    if not value:
        raise InvalidRequestError(f"conditions: line {number}: expected a value after =, got none")
    return column, value


def _begins(line: str, name: str) -> bool:
    """Whether a line is about the column of this name, spaces around which nobody sees on a page."""
    return line.startswith(name) and line[len(name) :].lstrip().startswith("=")


def _as_in_a_request(text: str) -> list[Any] | dict[str, Any] | None:
    """Several values, or whether there is one; None where the text says neither."""
    try:
        found = json.loads(text) if text[0] in "[{" else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) or (isinstance(found, dict) and "missing" in found) else None


def _range(number: int, text: str) -> str | dict[str, Any]:
    """A range by its two ends, or the text as it is where it has no dots."""
    low, dots, high = text.partition("..")
    if not dots:
        return text
    ends = {"from": low.strip(), "to": high.strip()}
    if not any(ends.values()):
        raise InvalidRequestError(f"conditions: line {number}: expected from .. to, from .. or .. to, got no end")
    return {name: end if (value := as_number(end)) is None else value for name, end in ends.items() if end}


def chosen(form: Form, field: str, columns: Sequence[Column]) -> dict[str, str]:
    """The column whose place the field names, by the field; nothing for no column.

    Raises InvalidRequestError where there is no such place.
    """
    place = form.get(field, "")
    if not place:
        return {}
    if len(place) > PLACE_DIGITS or not place.isascii() or not place.isdecimal() or int(place) >= len(columns):
        raise InvalidRequestError(f"{field}: expected one of the columns of this data set, got another one")
    return {field: columns[int(place)].name}


def filled(options: JobOptions, columns: Sequence[Column]) -> dict[str, str]:
    """The form that asks for the same."""
    places = {column.name: str(place) for place, column in enumerate(columns)}
    form = {
        "rows": "" if options.rows is None else str(options.rows),
        "policy": options.policy,
        "seed": str(options.seed),
        "shadow_models": options.shadow_models,
        "conditions": "\n".join(f"{name} = {_written(value)}" for name, value in options.conditions.items()),
        "mix": "\n".join(options.mix),
        "augment": options.augment or "",
        "target": places.get(options.target or "", ""),
        "person": places.get(options.person or "", ""),
        "order": places.get(options.order or "", ""),
        "source": "\n".join(options.source),
        "ask": "\n".join(options.ask),
        "tolerance": f"{options.tolerance:g}",
        "priority": options.priority.value,
        "rules": "\n".join(options.rules),
        "find_rules": "true" if options.find_rules else "false",
        "broken_rules": options.broken_rules,
    }
    generator = options.generator.model_dump(exclude_none=True)
    form |= {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in generator.items()}
    form |= {f"without.{place}": rule for place, rule in enumerate(options.without_rules)}
    return form | {f"secret.{places[name]}": "1" for name in options.secrets if name in places}


def _written(value: object) -> str:
    if isinstance(value, list) or (isinstance(value, dict) and "missing" in value):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        low, high = ("" if (end := value.get(name)) is None else end for name in ("from", "to"))
        return f"{low} .. {high}".strip()
    return str(value)
