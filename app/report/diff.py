"""Two reports side by side: what was asked, what was said, and every figure with its noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.report.units import NOT_MEASURED, in_unit, number, plain

Json = Mapping[str, Any]
EQUAL, WITHIN, BEYOND, CHANGED = "equal", "within noise", "beyond noise", "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing in both reports."""

    part: str
    name: str
    first: str
    second: str
    noise: str
    """How far the figure moves by chance, as far as the reports know; empty where it is no figure."""
    verdict: str
    """`equal`, `within noise`, `beyond noise` or `changed`."""


def differences(first: Json, second: Json) -> list[Line]:
    """Every option, verdict, answer, finding, score and question of two report documents, in this order.

    A finding differs beyond its noise where the two 95 % intervals do not touch. Of a score no interval is known: it
    stands beside the floor, and counts as changed. Raises ValueError where one of them is no report.
    """
    for document in (first, second):
        if document.get("format") != "lookalike.report/1":
            raise ValueError("expected two reports of the format lookalike.report/1, got another document")
    try:
        return list(_lines(first, second))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("expected two whole reports, got one in which parts are missing") from error


def _lines(first: Json, second: Json) -> Iterator[Line]:
    options = [_flat(each["protocol"]["options"]) for each in (first, second)]
    yield from _plain_lines("option", *options)
    yield from _plain_lines("verdict", *(_verdicts(each) for each in (first, second)))
    yield from _plain_lines("question", *(_answers(each) for each in (first, second)))
    findings = [{each["key"]: each for each in document["findings"]} for document in (first, second)]
    for key in _keys(*findings):
        yield _finding(*(some.get(key) for some in findings))
    scores = [{each["key"]: each for each in document["fidelity"]["scores"]} for document in (first, second)]
    for key in _keys(*scores):
        yield _score(*(some.get(key) for some in scores))
    yield from _plain_lines("asked", *(_asked(each) for each in (first, second)))


def _keys(*parts: Mapping[str, Any]) -> Sequence[str]:
    return list(dict.fromkeys(key for part in parts for key in part))


def _plain_lines(part: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Line]:
    for name in _keys(first, second):
        a, b = (each.get(name, "not there") for each in (first, second))
        yield Line(part=part, name=plain(name), first=a, second=b, noise="", verdict=EQUAL if a == b else CHANGED)


def _flat(value: object, name: str = "") -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        found: dict[str, str] = {}
        for key, each in value.items():
            found |= _flat(each, f"{name}.{key}" if name else str(key))
        return found
    return {name: plain("none" if value is None else str(value))} if name else {}


def _verdicts(document: Json) -> dict[str, str]:
    verdict = document["verdict"]
    policy = f"{verdict['policy']} {verdict['policy_version']}"
    return (
        {"policy": policy}
        | {mode["title"]: mode["verdict"] for mode in verdict["modes"]}
        | {"verdict": verdict["verdict"]}
    )


def _answers(document: Json) -> dict[str, str]:
    return {each["question"]: each["mark"] for each in document.get("questions", [])}


def _asked(document: Json) -> dict[str, str]:
    """The outcome of each answer to a question of the job, with the difference and its interval."""
    return {
        ", ".join(each for each in (asked["question"], answer["group"], answer["term"]) if each): _outcome(answer)
        for asked in document.get("asked", [])
        for answer in asked["answers"]
    }


def _outcome(answer: Json) -> str:
    gap = answer["difference"]
    said = str(answer["outcome"]).replace("_", " ")
    return said if gap["value"] is None else f"{said}: {gap['value']:.10g} [{gap['lower']:.10g}, {gap['upper']:.10g}]"


def _finding(first: Json | None, second: Json | None) -> Line:
    there = [each for each in (first, second) if each is not None]
    a, b = (_figure(each) for each in (first, second))
    ends = [(each["figure"]["lower"], each["figure"]["upper"]) for each in there]
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    if a == b:
        verdict = EQUAL
    elif len(known) == 2:
        (low, high), (lowest, highest) = known
        verdict = WITHIN if low <= highest and lowest <= high else BEYOND
    else:
        verdict = CHANGED
    noise = "" if len(known) < 2 else f"± {max(high - low for low, high in known) / 2:.3g}"
    return Line(part="finding", name=plain(there[0]["title"]), first=a, second=b, noise=noise, verdict=verdict)


def _figure(finding: Json | None) -> str:
    if finding is None:
        return "not there"
    figure = finding["figure"]
    if figure["value"] is None:
        return NOT_MEASURED
    said = in_unit(figure["value"], finding["unit"])
    if figure["lower"] is None or figure["upper"] is None:
        return said
    return f"{said} [{in_unit(figure['lower'], finding['unit'])}, {in_unit(figure['upper'], finding['unit'])}]"


def _score(first: Json | None, second: Json | None) -> Line:
    there = [each for each in (first, second) if each is not None]
    a, b = ("not there" if each is None else number(each["synthetic"]["value"]) for each in (first, second))
    floors = [number(each["floor"]["value"]) for each in there]
    noise = "" if all(floor == NOT_MEASURED for floor in floors) else f"floor {', '.join(dict.fromkeys(floors))}"
    name = plain(there[0]["title"])
    return Line(part="score", name=name, first=a, second=b, noise=noise, verdict=EQUAL if a == b else CHANGED)
