"""What a person is told about a release: verdict, main scores, and whether the data may be had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.cli.screen import Screen
from app.report.units import one_line
from app.states import ReleaseState

Json = Mapping[str, Any]

WHY: Mapping[str, str] = {
    ReleaseState.RELEASED: "The data is released.",
    ReleaseState.IN_REVIEW: "The data cannot be downloaded: a reviewer has to read the report and approve the release.",
    ReleaseState.REJECTED: "The data cannot be downloaded: a reviewer has rejected the release.",
    ReleaseState.WITHDRAWN: "The data cannot be downloaded any more: the release was withdrawn.",
    ReleaseState.BLOCKED: "The data cannot be downloaded: an attack proved a leak above the policy's limit. "
    "Nobody can approve this table.",
    ReleaseState.VOID: "The data cannot be downloaded: the attacks could not be trusted or could not see enough. "
    "Nobody can approve this table.",
}
"""Why the data of a release in this state can or cannot be had."""


def show_verdict(screen: Screen, release: Json, report: Json) -> None:
    """Print the verdict with its reasons, the main scores, and what follows for the data."""
    screen.say("")
    screen.say(f"verdict   {release['verdict']} (policy {release['policy']}, {release['rows']:,} synthetic records)")
    for reason in release["reasons"]:
        screen.say(f"          {reason}")
    shown = list(scores(report))
    width = max((len(name) for name, _ in shown), default=0) + 2
    for name, value in shown:
        screen.say(f"{name:<{width}}{value}")
    show_asked(screen, report.get("asked") or [])
    screen.say(WHY.get(release["state"], f"The release is in the state {release['state']}."))
    if release["state"] == ReleaseState.IN_REVIEW:
        screen.say(f'To decide: lookalike decide {release["id"]} approve --reason "..."')


def show_asked(screen: Screen, asked: Sequence[Json]) -> None:
    """Print each question of the job, and how many of its answers hold."""
    for each in asked:
        counts = Counter(answer["outcome"].replace("_", " ") for answer in each["answers"])
        told = [f"{outcome} {count}" for outcome, count in sorted(counts.items())]
        if len(each["answers"]) == 1:
            told = [_outcome(each["answers"][0])]
        screen.say(f"asked     {one_line(each['question'])}: {', '.join(told) or 'no group of 20 real people'}")


def _outcome(answer: Json) -> str:
    said = answer["outcome"].replace("_", " ")
    gap = answer["difference"]
    if gap["value"] is None:
        return f"{said}. {gap['reason']}"
    ends = f"{gap['lower']:.10g} to {gap['upper']:.10g}"
    real, synthetic = (answer[name]["value"] for name in ("real", "synthetic"))
    return f"{said}: {real:.10g} real, {synthetic:.10g} synthetic (difference {ends})"


def scores(report: Json) -> Iterator[tuple[str, str]]:
    """The main scores of a report by name: fidelity first, with what real records reach, then the attacks."""
    fidelity = report.get("fidelity") or {}
    for score in fidelity.get("scores") or []:
        floor = f"   (real records: {_figure(score['floor'])})" if score["floor"].get("value") is not None else ""
        yield score["title"], _figure(score["synthetic"]) + floor
    for row in fidelity.get("utility") or []:
        yield f"{row['model']}, {row['metric']}", f"{_figure(row['tstr'])}   (trained on real: {_figure(row['trtr'])})"
    findings = [finding for finding in report.get("findings") or [] if finding["figure"].get("value") is not None]
    for finding in findings:
        if finding["statistic"].endswith("dcr_share"):
            yield "DCR share nearer to train", _with_interval(finding["figure"])
    for attack, name in (("membership", "membership inference AUC"), ("vulnerable", "most isolated records AUC")):
        worst = _worst([f for f in findings if f["attack"] == attack and f["statistic"].endswith("auc")])
        if worst is not None:
            yield name, _with_interval(worst["figure"])


def _worst(findings: Sequence[Json]) -> Json | None:
    """The finding that comes nearest to its limit: the one with the highest upper bound."""
    return max(findings, key=lambda f: f["figure"].get("upper") or f["figure"]["value"], default=None)


def _figure(figure: Json) -> str:
    value = figure.get("value")
    return f"{value:.3f}" if value is not None else str(figure.get("reason") or "")


def _with_interval(figure: Json) -> str:
    lower, upper = figure.get("lower"), figure.get("upper")
    interval = f"   (95 % interval {lower:.3f} to {upper:.3f})" if lower is not None and upper is not None else ""
    return _figure(figure) + interval
