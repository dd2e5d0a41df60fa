"""Two reports side by side: what was asked, what was said, and every figure with its noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.report.units import NOT_MEASURED, in_unit, number, plain

Json = Mapping[str, Any]
FIGURE = frozenset({"value", "lower", "upper", "reason"})
"""What a figure has, wherever in a document it stands."""
NAMES = ("title", "column", "name", "model", "label", "key")
"""What a part is called by, the first that it has."""
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
    """Every option, verdict, answer, finding, fidelity figure and question of two report documents, in this order.

    A figure differs beyond its noise where the two 95 % intervals do not touch. Where no interval is known a score
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
    figures = [dict(_figures(_without(document["fidelity"], "scores"))) for document in (first, second)]
    for name in _keys(*figures):
        yield _fidelity(name, *(some.get(name) for some in figures))
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
    noise, verdict = _compared(a == b, [each["figure"] for each in there])
    return Line(part="finding", name=plain(there[0]["title"]), first=a, second=b, noise=noise, verdict=verdict)


def _without(part: Json, name: str) -> Json:
    return {key: each for key, each in part.items() if key != name}


def _figures(part: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Json]]:
    """Every figure in a part of a document, whatever part that is, by the names of what it lies in."""
    if isinstance(part, Mapping):
        if part.keys() >= FIGURE:
            yield ", ".join(path), part
            return
        named = next((part[key] for key in NAMES if isinstance(part.get(key), str)), None)
        metric = part.get("metric")
        inner = (*path, *(str(each) for each in (named, metric) if each is not None))
        for key, each in part.items():
            yield from _figures(each, inner if isinstance(each, list) else (*inner, key.replace("_", " ")))
    elif isinstance(part, list):
        for each in part:
            if isinstance(each, (Mapping, list)):
                yield from _figures(each, path)


def _fidelity(name: str, first: Json | None, second: Json | None) -> Line:
    a, b = (_number(each) for each in (first, second))
    noise, verdict = _compared(a == b, [each for each in (first, second) if each is not None])
    return Line(part="fidelity", name=plain(name), first=a, second=b, noise=noise, verdict=verdict)


def _number(figure: Json | None) -> str:
    if figure is None:
        return "not there"
    said = number(figure["value"])
    if figure["value"] is None or figure["lower"] is None or figure["upper"] is None:
        return said
    return f"{said} [{number(figure['lower'])}, {number(figure['upper'])}]"


def _compared(is_equal: bool, figures: Sequence[Json]) -> tuple[str, str]:
    """How far the figures move by chance, and whether they differ by more."""
    ends = [(figure["lower"], figure["upper"]) for figure in figures]
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    noise = "" if len(known) < 2 else f"± {max(high - low for low, high in known) / 2:.3g}"
    if is_equal:
        return noise, EQUAL
    if len(known) < 2:
        return noise, CHANGED
    (low, high), (lowest, highest) = known
    return noise, WITHIN if low <= highest and lowest <= high else BEYOND


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
    a, b = (_number(None if each is None else each["synthetic"]) for each in (first, second))
    noise, verdict = _compared(a == b, [each["synthetic"] for each in there])
    floors = [number(each["floor"]["value"]) for each in there]
    if not noise and any(floor != NOT_MEASURED for floor in floors):
        noise = f"floor {', '.join(dict.fromkeys(floors))}"
    return Line(part="score", name=plain(there[0]["title"]), first=a, second=b, noise=noise, verdict=verdict)
