"""The report for whoever receives the synthetic file: nothing in it discloses the real rows.

Every field of the document has a rule here. A field without one is not passed on, and a test fails, so what is added to
the document stays inside until somebody has thought about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from app.report.answers import ASKED, Question, answer
from app.report.coarse import FEWEST, bins, categories, down, in_steps, interval, rounded, up
from app.report.criteria import criteria_part
from app.report.model import FindingPart, Report, VerdictPart
from app.report.questions import COARSE_TRACE, PLANTED, UNTRIED
from app.report.rules import GONE, About, Each, Fields, Rule, instead, left_out, same, two_digits, words
from app.report.units import LEFT_OUT
from app.report.wording import MEANINGS

Json = Mapping[str, Any]
WITHHELD = "Left out of a report that is passed on."
NO_REASON = "The reason is left out of a report that is passed on."
TOO_FEW = f"{LEFT_OUT}: it rests on fewer than {FEWEST} records."
NAME = "Synthetic table"
NEXT_STEP = "Whether this file was released, and by whom, is in its certificate."
HASHES = frozenset({"weights", "model", "synthetic", "csv"})
"""Files that a recipient may hold. A hash of the upload, or of what was made from it, would confirm a guess of it."""
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
MOST_TOLD = 0.99
"""A share of people whose number is not known is never told to be greater."""
SIZES = ("train, ", "holdout, ", "reference, ", "synthetic, ")


class ShareError(ValueError):
    """A document of which no shareable one can be made."""


def shareable(document: Json) -> dict[str, Any]:
    """A document of the same format whose audience is `shareable`.

    Counts below 20 are not in it, nor is what would give them away; figures have two significant digits, more only
    where two would change what a limit says; columns have no ends; no row, file, split, seed or person is named.
    Raises ShareError where the document is no report, or lacks what a report cannot do without.
    """
    try:
        report = Report.model_validate(document).model_dump(mode="json")
    except ValidationError:
        raise ShareError("expected a report of the format lookalike.report/1, got another document") from None
    if report["audience"] == "shareable":
        return report
    people, measured = _people(report), report["fidelity"]["records"]
    fewest = None if people is None or measured is None else min(people, measured)
    kept = DOCUMENT(report, About(people=people, fewest=fewest))
    findings = [FindingPart.model_validate(each) for each in kept["findings"]]
    rows = criteria_part(findings, VerdictPart.model_validate(kept["verdict"]))
    kept["criteria"] = [row.model_dump(mode="json") for row in rows]
    try:
        return Report.model_validate(kept).model_dump(mode="json")
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise ShareError(f"expected a rule for each field that a report needs, found none for: {fields}") from None


def _people(report: Json) -> int | None:
    """The fewest records that the shares can rest on. Where a person may have several, people are not known by bin."""
    roles = {column["value"].rpartition(", ")[2] for column in report["protocol"]["columns"]}
    if report["protocol"]["options"].get("person") is not None or "person" in roles:
        return None
    sizes = {fact["name"]: fact["value"].replace(",", "") for fact in report["protocol"]["sizes"]}
    train, learnt = sizes.get("train, records", ""), report["training"]["records"]
    known = [int(train)] if train.isdecimal() else []
    known += [] if learnt is None else [learnt]
    known += [] if report["mix"] is None or report["mix"]["train"] is None else [report["mix"]["train"]]
    return min(known, default=None)


def _count(value: Any, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A number of records to two digits; None where there are fewer than 20."""
    return int(rounded(value)) if isinstance(value, int) and value >= FEWEST else None


def _figure(
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


def _finding(value: Json, about: About) -> Json:
    """Its ends stay on their side of each limit, so that the same is said of them; nothing rests on few records."""
    bounds = (value["limit"], value["block_limit"], value["baseline"])
    measured = value["figure"]["value"] is not None
    figure = {"reason": TOO_FEW} if measured and value["n"] is None else _figure(value["figure"], about, bounds=bounds)
    baseline = None if value["baseline"] is None else rounded(value["baseline"])
    return {**value, "figure": figure, "baseline": baseline}


def _score(value: Json, about: About) -> Json:
    worse = "lower" if value["better"] == "higher" else "upper"
    return {**value, **{name: _figure(value[name], about, worse=worse) for name in ("synthetic", "floor")}}


def _marginal(value: Json, about: About) -> Any:  # noqa: ANN401 - JSON values
    if about.people is None:
        return GONE
    shown = categories(value, about.people) if value["edges"] is None else bins(value, about.people)
    if shown is None:
        return GONE
    # a distance is the sum of what is off in each category, of those that are hidden as well
    step = FEWEST / (about.fewest or about.people)
    scores = {name: _figure(value[name], about, worse="lower", step=step) for name in ("score", "floor")}
    gap = value.get("gap")
    if gap is not None:
        gap = None if about.fewest is None else {name: up(-in_steps(-each, step)) for name, each in gap.items()}
    return {**value, **shown, **scores, "gap": gap}


def _question(value: Json, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """The answer in the words that its mark has, and what weakens it; the policy's own words are not passed on."""
    if value["key"] not in set(Question):
        return GONE
    question = Question(value["key"])
    besides = [found.group() for known in BESIDES for found in re.finditer(known, value["sentence"])]
    return {
        **value,
        "question": ASKED[question],
        "sentence": " ".join([answer(question, value["mark"]), *besides]),
    }


def _verdict(value: Json, _about: About) -> Json:
    return {**value, "meaning": MEANINGS[value["verdict"]]}


def _fact(names: Callable[[str], bool], value: Rule) -> Rule:
    """Facts of these names alone."""

    def rule(fact: Any, about: About) -> Any:  # noqa: ANN401 - JSON values
        return {"name": fact["name"], "value": value(fact["value"], about)} if names(fact["name"]) else GONE

    return Fields({"name": same, "value": same}, then=rule)


def _rule(value: Json, about: About) -> Any:  # noqa: ANN401 - JSON values
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


def _share(value: Json, _about: About) -> Any:  # noqa: ANN401 - JSON values
    """A value of which the file has none is not in it: that the table has it is not passed on."""
    return value if value["asked"] else GONE


def _size(value: str, about: About) -> str:
    number = value.replace(",", "")
    if not number.isdecimal():
        return "not known"
    return f"{_count(int(number), about):,}" if int(number) >= FEWEST else f"fewer than {FEWEST}"


def _options(value: Json, _about: About) -> Json:
    return {name: each for name, each in value.items() if name in OPTIONS and isinstance(each, (str, type(None)))}


FIGURE = Fields({"value": same, "lower": same, "upper": same, "reason": same}, then=_figure)
SCORED = Fields(FIGURE.rules, then=partial(_figure, worse="lower"))
"""A score that is the better the higher it is."""
WHOLE = Fields({"value": same, "lower": same, "upper": same, "reason": same})
"""A figure that a later rule makes coarse, with what stands beside it."""
_OF_NAMES = partial(_fact, lambda _name: True)
RUN = Fields(
    {
        "job_id": same,
        "dataset_id": instead(WITHHELD),
        "dataset_name": instead(NAME),
        "model_id": instead(None),
        "created_at": lambda value, _about: value[:10],
        "covers": words,
        "reading": left_out,
    }
)
MODE = Fields({"mode": same, "title": words, "verdict": same, "reasons": instead([WITHHELD])})
VERDICT = Fields(
    {
        "verdict": same,
        "meaning": words,
        "policy": same,
        "policy_version": same,
        "reasons": instead([WITHHELD]),
        "next_step": instead(NEXT_STEP),
        "auto_release": same,
        "four_eyes": same,
        "statement": words,
        "differential_privacy": words,
        "modes": Each(MODE),
    },
    then=_verdict,
)
QUESTION = Fields(
    {
        "key": same,
        "question": same,
        "mark": same,
        "sentence": same,
        "deciding": same,
        "findings": same,
        "reasons": instead([]),
    },
    then=_question,
)
FINDING = Fields(
    {
        "key": same,
        "attack": same,
        "statistic": same,
        "title": words,
        "unit": same,
        "status": same,
        "figure": WHOLE,
        "baseline": same,
        "minimum_detectable": FIGURE,
        "n": _count,
        "limit": same,
        "block_limit": same,
        "gate": words,
        "limit_title": words,
        "decides": same,
        "gating": same,
        "threat": words,
        "control": Fields({"plant": same, "state": same, "note": words}),
        "trials": Each(
            Fields({"plant": same, "title": words, "caught": same, "value": two_digits, "lower": two_digits})
        ),
        "smallest_share_stopped": words,
        "note": left_out,
        "details": left_out,
    },
    then=_finding,
)
SCORE = Fields(
    {
        "key": same,
        "title": words,
        "explanation": words,
        "better": same,
        "synthetic": WHOLE,
        "floor": WHOLE,
        "floor_note": words,
    },
    then=_score,
)
WHOLE_GAP = Fields({"synthetic": same, "floor": same})
ROC = Fields(
    {
        "model": words,
        "records": _count,
        "false_positives": Each(two_digits),
        "synthetic": Each(two_digits),
        "floor": lambda value, about: None if value is None else Each(two_digits)(value, about),
        "auc": FIGURE,
        "floor_auc": FIGURE,
    }
)
MARGINAL = Fields(
    {
        "column": same,
        "kind": same,
        "labels": same,
        "real": same,
        "synthetic": same,
        "edges": same,
        "edge_labels": same,
        "rest": Each(Fields({"label": same, "real": same, "synthetic": same})),
        "gap": WHOLE_GAP,
        "spikes": instead([]),
        "score": WHOLE,
        "floor": WHOLE,
    },
    then=_marginal,
)
OF_PEOPLE = Fields({"column": same, "real": lambda value, _about: min(down(value), MOST_TOLD), "synthetic": two_digits})
OFF = Fields({"synthetic": two_digits, "floor": two_digits})
HISTORIES = Fields(
    {
        # means and distances over all people, 50 on each side at least, of whom a few with the most records count less
        "records_real": two_digits,
        "records_synthetic": two_digits,
        "records": OFF,
        "constant": Each(OF_PEOPLE),
        # how many records follow others is not known here: one that falls could be told
        "ascends": instead(None),
        "gaps": lambda value, about: None if value is None else OFF(value, about),
        # few values that few people have decide how far single columns are off
        "transitions": instead([]),
        "detection": OFF,
    }
)
FIDELITY = Fields(
    {
        "scores": Each(SCORE),
        "sdmetrics_version": same,
        "utility": Each(Fields({"model": words, "metric": words, "tstr": SCORED, "trtr": SCORED, "trts": SCORED})),
        "utility_note": instead("Models that predict the target from all other columns."),
        "marginals": Each(MARGINAL),
        # how strongly a pair is associated tells how many have both of two values, and what the few with one have
        "trends": instead(None),
        "trends_reason": instead(WITHHELD),
        "records": _count,
        "roc": ROC,
        # what few people share is in them: levels of two columns at once, patterns, cells of a grid, groups
        "pairs": left_out,
        "missing": left_out,
        "projection": left_out,
        "subgroups": left_out,
        "histories": lambda value, about: None if value is None else HISTORIES(value, about),
        "not_measured": instead(dict.fromkeys(("pairs", "missing", "projection", "roc", "subgroups"), WITHHELD)),
    }
)
RULE = Fields(
    {
        "rule": same,
        "origin": same,
        "built_in": same,
        "real": same,
        "synthetic": two_digits,
        "unknown": same,
        "why": instead(""),
    },
    then=_rule,
)
TRAINING = Fields(
    {
        "steps": same,
        "seconds": instead(None),
        "following_seconds": instead(None),
        "device": instead(WITHHELD),
        "records": _count,
        "parameters": same,
        "protection": words,
        "stopped_because": instead(WITHHELD),
        "losses": instead([]),
        "metrics": instead([]),
        "warnings": instead([]),
    }
)
PROTOCOL = Fields(
    {
        "sizes": Each(_fact(lambda name: name.startswith(SIZES), _size)),
        "split": instead([]),
        "hashes": Each(_fact(lambda name: name in HASHES, same)),
        "versions": Each(_OF_NAMES(same)),
        "options": _options,
        "columns": Each(_OF_NAMES(same)),
    }
)
MIX = Fields(
    {
        "kind": same,
        # what was asked for is in the file; what the real table has may be few people's
        "shares": Each(
            Fields(
                {"columns": same, "values": same, "asked": same, "real": instead(None), "synthetic": two_digits},
                then=_share,
            )
        ),
        "reweighted": same,
        "train": instead(None),
        "holdout": instead(None),
    }
)
DOCUMENT = Fields(
    {
        "format": same,
        "audience": instead("shareable"),
        "run": RUN,
        "mix": MIX,
        "augmentation": instead(None),  # figures of the few real records of a class
        "verdict": VERDICT,
        "questions": Each(QUESTION),
        "criteria": left_out,  # made anew from what is passed on
        "findings": Each(FINDING),
        "audit_notes": Each(words),
        "coverage": Each(_OF_NAMES(words)),
        "not_covered": Each(words),
        "rules": Each(RULE),
        "asked": left_out,  # figures of real groups that the owner chose
        "fidelity": FIDELITY,
        "training": TRAINING,
        "protocol": PROTOCOL,
    }
)
