"""Values of a report as they are passed on: rounded, cut, or left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.report.answers import ASKED, answer
from app.report.coarse import FEWEST, bins, categories, down, in_steps, interval, rounded, up
from app.report.questions import COARSE_TRACE, PLANTED, UNTRIED
from app.report.rules import GONE, About, Fields, Rule, same
from app.report.units import LEFT_OUT
from app.report.wording import MEANINGS
from privacy.about import Question

Json = Mapping[str, Any]
NO_REASON = "The reason is left out of a report that is passed on."
TOO_FEW = f"{LEFT_OUT}: it rests on fewer than {FEWEST} records."
OPTIONS = frozenset({"policy", "target", "shadow_models"})
BESIDES = (
    r"There are enough people\.",
    re.escape(UNTRIED),
    re.escape(PLANTED),
    r"\d+ of \d+ columns were looked at\.",
    r"Nothing decides here on: [a-z ;]+\.",
    r"A trace was found, within its limit\.",
    re.escape(COARSE_TRACE),
    r"\d+ of \d+ figures decide; the others are too coarse here, or miss a planted leak\.",
    r"\d+ could not be measured\.",
)
"""What `app.report.questions` says besides an answer in words of its own."""


def count(value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A number of records to two digits; None where there are fewer than 20."""
    return int(rounded(value)) if isinstance(value, int) and value >= FEWEST else None


def figure(
    value: Json, _about: About, *, bounds: Sequence[float | None] = (), worse: str = "", step: float = 0.0
) -> Json:
    """Figure and interval to two digits, the interval outwards.

    `worse` is the side to which a score is rounded; where a `step` is given, down to it.
    """
    if value["value"] is None:
        return {"reason": NO_REASON}
    number, lower, upper = interval(value["value"], value["lower"], value["upper"], bounds)
    if worse:
        number = in_steps(value["value"], step)
        number = down(number) if worse == "lower" else up(number)
    return {"value": number, "lower": lower, "upper": upper}


def finding(value: Json, about: About) -> Json:
    """Its ends stay on their side of each limit, so that it says the same; counts of few records are left out."""
    bounds = (value["limit"], value["block_limit"], value["baseline"])
    measured = value["figure"]["value"] is not None
    shown = {"reason": TOO_FEW} if measured and value["n"] is None else figure(value["figure"], about, bounds=bounds)
    baseline = None if value["baseline"] is None else rounded(value["baseline"])
    return {**value, "figure": shown, "baseline": baseline}


def score(value: Json, about: About) -> Json:
    """Rounded to the side that makes it worse."""
    worse = "lower" if value["better"] == "higher" else "upper"
    return {**value, **{name: figure(value[name], about, worse=worse) for name in ("synthetic", "floor")}}


def marginal(value: Json, about: About) -> Any:  # noqa: ANN401 - JSON values
    """The bins or categories that enough records are in; nothing where it is not known how many people there are."""
    if about.people is None:
        return GONE
    shown = categories(value, about.people) if value["edges"] is None else bins(value, about.people)
    if shown is None:
        return GONE
    # a distance is the sum of what is off in each category, of those that are hidden as well
    step = FEWEST / (about.fewest or about.people)
    scores = {name: figure(value[name], about, worse="lower", step=step) for name in ("score", "floor")}
    gap = value.get("gap")
    if gap is not None:
        gap = None if about.fewest is None else {name: up(-in_steps(-each, step)) for name, each in gap.items()}
    return {**value, **shown, **scores, "gap": gap}


def question(value: Json, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """The answer in the words that its mark has, and what weakens it; the policy's own words are not passed on."""
    if value["key"] not in set(Question):
        return GONE
    asked = Question(value["key"])
    besides = [found.group() for known in BESIDES for found in re.finditer(known, value["sentence"])]
    return {
        **value,
        "question": ASKED[asked],
        "sentence": " ".join([answer(asked, value["mark"]), *besides]),
    }


def verdict(value: Json, _about: About) -> Json:
    """What the verdict means, in the words that all verdicts of its kind have."""
    return {**value, "meaning": MEANINGS[value["verdict"]]}


def fact(names: Callable[[str], bool], value: Rule) -> Rule:
    """Facts of these names alone."""

    def of_one(one: Any, about: About) -> Any:  # noqa: ANN401 - JSON values
        return {"name": one["name"], "value": value(one["value"], about)} if names(one["name"]) else GONE

    return Fields({"name": same, "value": same}, then=of_one)


def rule(value: Json, about: About) -> Any:  # noqa: ANN401 - JSON values
    """Never that all people keep it, nor that few do not: one of them could be told from the other case.

    What stands in quotes after = is a category, which the rule needs few people to have: such rules are not passed on,
    unless the user declared them and knows.
    """
    if value["origin"] == "expected" or (value["origin"] != "declared" and "missing(" in value["rule"]):
        return GONE
    unknown = value.get("unknown")
    value = {name: each for name, each in value.items() if name != "unknown"}
    # one can tell of those people alone who miss none of its cells
    told = 0 if about.people is None or unknown is None else round(about.people * (1 - unknown))
    if told < FEWEST or value["real"] is None:
        return {**value, "real": None}
    step = FEWEST / told
    return {**value, "real": down(max(0.0, min(in_steps(value["real"], step), 1 - step)))}


def share(value: Json, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A value of which the file has none is not in it: that the table has it is not passed on."""
    return value if value["asked"] else GONE


def size(value: str, about: About) -> str:
    """A number of records to two digits, or that there are few."""
    number = value.replace(",", "")
    if not number.isdecimal():
        return "not known"
    return f"{count(int(number), about):,}" if int(number) >= FEWEST else f"fewer than {FEWEST}"


def options(value: Json, _about: About) -> Json:
    """The options of the job that say nothing of the table."""
    return {name: each for name, each in value.items() if name in OPTIONS and isinstance(each, (str, type(None)))}
