"""The plan of a saved model as JSON values, and how it is read from an untrusted file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from synth.encode.base import flag_of, list_of, text_of
from synth.encode.categorical import DTYPES
from synth.encode.rules.apart import apart_from_json
from synth.encode.rules.clock_sum import ComputedTime
from synth.encode.rules.plan import NUMBERS, KeptRule, RulePlan
from synth.encode.rules.shown import Shown
from synth.encode.rules.steps import (
    AnyStep,
    Blank,
    Computed,
    DateOfParts,
    Gap,
    Group,
    Member,
    PartOfDate,
    Same,
    Snap,
    Together,
    Value,
    Within,
)
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.errors import ArtifactError, RuleError
from synth.rules.clock import MIDNIGHTS
from synth.rules.numbers import MOST_SAME, numbers_of
from synth.rules.rule import ClockSum, Formula, NullWhen
from synth.rules.text import parse_rule, text_of_rule
from synth.table.schema import TableSchema

HELD = ("nothing", "presence", "values")
MOST_STEPS = 10_000


def plan_to_json(plan: RulePlan) -> dict[str, Any]:
    """JSON values; `plan_from_json` reads them back."""
    rules = [{"rule": text_of_rule(each.rule), "declared": each.declared} for each in plan.rules]
    state = {"rules": rules, "steps": [_step_to_json(step) for step in plan.steps]}
    return state | ({"apart": [each.to_json() for each in plan.apart]} if plan.apart else {})


def _step_to_json(step: AnyStep) -> dict[str, Any]:
    match step:
        case Gap():
            found = {
                "step": "gap",
                "shown": step.shown.to_json(),
                "others": [{"column": name, "differs": strict} for name, strict in step.others],
                "above": step.above,
                "start": step.start,
                "low": step.low,
                "high": step.high,
                "constant": step.constant,
                "ascends": step.ascends,
            }
        case Same():
            found = {"step": "same", "shown": step.shown.to_json(), "others": list(step.others)}
        case Computed():
            found = _computed_to_json(step)
        case TimeOfDay() | Snap() | DateOfParts():
            found = step.to_json()
        case Group():
            members = [{"column": m.name, "off": m.off, "on": m.on, "stored": m.stored} for m in step.members]
            found = {"step": "group", "members": members}
        case Together():
            columns = [{"column": n, "stored": s} for n, s in zip(step.names, step.stored, strict=True)]
            found = {"step": "together", "columns": columns, "rows": [list(row) for row in step.rows]}
        case Within():
            low, high = _end_to_json(step.low), _end_to_json(step.high)
            found = {"step": "within", "shown": step.shown.to_json(), "low": low, "high": high}
        case Blank():
            found = {"step": "blank", "rule": text_of_rule(step.rule)}
    return found


def _computed_to_json(step: Computed) -> dict[str, Any]:
    found = {
        "step": "computed",
        "shown": step.shown.to_json(),
        "rule": text_of_rule(step.rule),
        "held": step.held,
        "floors": [{"column": name, "differs": strict} for name, strict in step.floors],
    }
    match step:
        case ComputedTime():
            return {**found, "step": "computed_time", "midnight": step.midnight}
        case PartOfDate():
            return {**found, "step": "part_of_date", **step.to_json()}
        case _:
            return found


def plan_from_json(values: object, schema: TableSchema) -> RulePlan:
    """The plan that `plan_to_json` wrote. Raises ArtifactError where it is not one for this schema."""
    if not isinstance(values, Mapping):
        raise ArtifactError("rules: expected an object")
    states = list_of(values, "steps")
    if len(states) > MOST_STEPS:
        raise ArtifactError(f"rules: expected at most {MOST_STEPS} steps")
    try:
        rules = [
            KeptRule(rule=parse_rule(text_of(v, "rule")), declared=flag_of(v, "declared"))
            for v in list_of(values, "rules")
        ]
        steps = [_READS[text_of(state, "step", among=tuple(_READS))](state) for state in states]
        apart = tuple(apart_from_json(state) for state in list_of({"apart": [], **values}, "apart"))
    except RuleError as error:
        raise ArtifactError(f"rules: {error}") from error
    plan = RulePlan(rules=tuple(rules), steps=tuple(steps), apart=apart)
    _check(plan, schema)
    return plan


def _check(plan: RulePlan, schema: TableSchema) -> None:
    """Raises ArtifactError where a step names an unknown column, or comes before what it is restored from."""
    known = set(schema.names)
    structural = [name for step in plan.steps if not isinstance(step, Within | Blank) for name in step.columns]
    if len(set(structural)) < len(structural):
        raise ArtifactError("rules: expected one step for each column")
    named = [name for step in plan.steps for name in (*step.columns, *step.sources)]
    if not known.issuperset([*named, *(name for each in plan.apart for name in each.rule.columns)]):
        raise ArtifactError("rules: expected columns of the schema")
    if any(not set(step.columns).isdisjoint(step.sources) for step in plan.steps):
        raise ArtifactError("rules: expected columns that are restored from others")
    for step in plan.steps:
        if isinstance(step, Within | Snap | NUMBERS) and not _is_shown(step.shown, schema):
            raise ArtifactError(f"rules: column {step.shown.name!r}: expected a step for a column of its kind")
    later = list(structural)
    for step in plan.steps:
        for name in step.columns:
            if not isinstance(step, Within | Blank):
                later.remove(name)
        if not set(later).isdisjoint(step.sources):
            raise ArtifactError("rules: expected steps in the order in which columns are restored")


def _is_shown(shown: Shown, schema: TableSchema) -> bool:
    """Whether a column is written as a step says: as dates where it holds dates, as categories may be too."""
    kind = schema[shown.name].kind
    return kind.is_learnt and kind.is_moment == shown.dates and shown.spec.kind is kind


def _gap(state: Mapping[str, Any]) -> Gap:
    others = tuple((text_of(each, "column"), flag_of(each, "differs")) for each in list_of(state, "others"))
    if not others:
        raise ArtifactError("rules: expected columns that another one is measured from")
    low, high = _end(state, "low"), _end(state, "high")
    start = _end(state, "start")
    if low > high or not math.isfinite(start):
        raise ArtifactError("rules: expected two ascending ends")
    return Gap(
        shown=_shown(state),
        others=others,
        above=flag_of(state, "above"),
        start=start,
        low=low,
        high=high,
        constant=flag_of({"constant": False, **state}, "constant"),
        ascends=flag_of({"ascends": False, **state}, "ascends"),
    )


def _same(state: Mapping[str, Any]) -> Same:
    shown, others = _shown(state), state.get("others")
    if not isinstance(others, list) or not 0 < len(set(map(str, others))) == len(others) <= MOST_SAME or shown.dates:
        raise ArtifactError("rules: expected a few columns that a number is often the same as")
    if not all(isinstance(name, str) and name != shown.name for name in others):
        raise ArtifactError("rules: expected names of other columns")
    return Same(shown=shown, others=tuple(others))


def _computed(state: Mapping[str, Any]) -> Computed:
    rule, shown = parse_rule(text_of(state, "rule")), _shown(state)
    if not isinstance(rule, Formula) or rule.target != shown.name:
        raise ArtifactError("rules: expected a rule by which a column is computed")
    floors = tuple((text_of(each, "column"), flag_of(each, "differs")) for each in list_of(state, "floors"))
    if not {name for name, _ in floors} <= set(rule.columns[1:]):
        raise ArtifactError("rules: expected parts of a sum that it is not below")
    return Computed(shown=shown, rule=rule, held=text_of(state, "held", among=HELD), floors=floors)


def _computed_time(state: Mapping[str, Any]) -> ComputedTime:
    step, midnight = _computed(state), state.get("midnight")
    if midnight is not None and (type(midnight) is not int or midnight not in MIDNIGHTS):
        raise ArtifactError("rules: midnight: expected 0 or 2400")
    if step.shown.dates or (midnight is None) == isinstance(step.rule, ClockSum):
        raise ArtifactError("rules: expected a time of day that is computed")
    return ComputedTime.of(step, midnight)


def _group(state: Mapping[str, Any]) -> Group:
    members = [
        Member(name=text_of(m, "column"), off=_value(m.get("off")), on=_value(m.get("on")), stored=_stored(m))
        for m in list_of(state, "members")
    ]
    if len(members) < 2 or any(not _fits(cell, m.stored) for m in members for cell in (m.off, m.on)):
        raise ArtifactError("rules: expected two columns or more in a group, with values of their types")
    if not all(_is_truth(member.off, 0.0) and _is_truth(member.on, 1.0) for member in members):
        raise ArtifactError("rules: expected 0 and 1, or true and false, in a group")
    return Group(members=tuple(members))


def _is_truth(cell: Value, number: float) -> bool:
    """Whether a cell is a number, or stands for it as true and false do. Raises RuleError on other text."""
    return bool(numbers_of(pd.Series([cell]))[0] == number)


def _together(state: Mapping[str, Any]) -> Together:
    columns, rows = list_of(state, "columns"), state.get("rows")
    names, stored = tuple(text_of(c, "column") for c in columns), tuple(_stored(c) for c in columns)
    if not isinstance(rows, list) or not rows or len(names) < 2:
        raise ArtifactError("rules: expected combinations of two columns or more")
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            raise ArtifactError("rules: expected combinations with a value for each column")
        cells = tuple(_value(cell) for cell in row)
        if not all(cell is None or _fits(cell, kind) for cell, kind in zip(cells, stored, strict=True)):
            raise ArtifactError("rules: expected values of the types of their columns")
        found.append(cells)
    return Together(names=names, stored=stored, rows=tuple(found))


def _within(state: Mapping[str, Any]) -> Within:
    low, high = _end(state, "low"), _end(state, "high")
    if low > high:
        raise ArtifactError("rules: expected two ascending ends")
    return Within(shown=_shown(state), low=low, high=high)


def _blank(state: Mapping[str, Any]) -> Blank:
    rule = parse_rule(text_of(state, "rule"))
    if not isinstance(rule, NullWhen):
        raise ArtifactError("rules: expected a rule of what is missing")
    return Blank(rule=rule)


_READS: Mapping[str, Callable[[Mapping[str, Any]], AnyStep]] = {
    "gap": _gap,
    "same": _same,
    "snap": lambda state: Snap.from_json(state, _shown(state)),
    "computed": _computed,
    "computed_time": _computed_time,
    "part_of_date": lambda state: PartOfDate.from_json(state, _computed(state)),
    "date_of_parts": lambda state: DateOfParts.from_json(state, _shown(state), _end(state, "low"), _end(state, "high")),
    "time_of_day": lambda state: TimeOfDay.from_json(state, _shown(state)),
    "group": _group,
    "together": _together,
    "within": _within,
    "blank": _blank,
}


def _shown(state: Mapping[str, Any]) -> Shown:
    values = state.get("shown")
    if not isinstance(values, dict):
        raise ArtifactError("rules: expected how a column is written")
    return Shown.from_json(values)


def _stored(state: Mapping[str, Any]) -> str:
    return text_of(state, "stored", among=DTYPES)


def _value(cell: object) -> Value:
    if cell is not None and not isinstance(cell, str | int | float | bool):
        raise ArtifactError("rules: expected texts, numbers and truth values")
    return cell


def _fits(cell: Value, stored: str) -> bool:
    kinds = {"object": (str,), "bool": (bool,), "float64": (float, int)}.get(stored, (int,))
    return isinstance(cell, kinds) and isinstance(cell, bool) == (stored == "bool")


def _end_to_json(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _end(state: Mapping[str, Any], name: str) -> float:
    value = state.get(name)
    if value is None and name != "start":
        return -math.inf if name == "low" else math.inf
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ArtifactError(f"rules: {name}: expected a finite number")
    return float(value)
