"""What each ingredient brings and what it does to privacy, as Markdown written from what `ablation.py` found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

from curves import DCR_NOISE, MIA_NOISE
from lines import lines

Run = Mapping[str, Any]
Interval = tuple[float, float, float]
"""Value, lower and upper end"""

DEFAULT = "default"
UNPROTECTED = "unprotected"
NOT_YET = "Not measured yet: `python benchmarks/ablation.py --parts adult/ --work runs/ --score score.py`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """A column of quality."""

    title: str
    value: Callable[[Run], float]
    digits: int
    draw: float | None
    """By how much another draw from the same model moves it, where that is known"""


QUALITY = (
    Quality(title="shape error, %", value=lambda r: 100 * (1 - r["score"]["shapes"]), digits=2, draw=None),
    Quality(title="trend error, %", value=lambda r: 100 * (1 - r["score"]["trends"]), digits=2, draw=None),
    Quality(title="C2ST AUC", value=lambda r: r["score"]["c2st_auc"], digits=3, draw=0.02),
    Quality(title="TSTR AUC", value=lambda r: r["score"]["tstr_auc"], digits=3, draw=0.01),
)
SCORED = {"dcr_share_train": DCR_NOISE / sqrt(2), "mia_dist_auc": MIA_NOISE / sqrt(2)}
"""Measures of the scoring script, which gives no intervals, with the half-width of theirs where nothing is copied"""
PRIVACY = {
    "dcr_share_train": "DCR share",
    "mia_dist_auc": "MIA, distance",
    "membership.calibrated_k1_auc": "MIA, calibrated",
    "vulnerable.auc": "most isolated 2 %",
    "vulnerable.achilles_auc": "oddest 2 %",
    "vulnerable.rare_auc": "rarest categories",
    "vulnerable.extreme_auc": "extremes",
    "vulnerable.intersection_auc": "small intersections",
}


def ablation(folder: Path) -> str:
    """The section of the page, a part for each table that was measured."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("ablation*.json"))]
    return "\n\n".join(part(document) for document in documents if grouped(document)) or NOT_YET


def part(document: Mapping[str, Any]) -> str:
    found = grouped(document)
    sentences = [text for text in (protection(found), compared(found), above(found), spread(found)) if text]
    listed = "\n".join(f"- {text}" for text in sentences)
    return "\n\n".join([about(document, found), tables(document), listed, measured(found)])


def grouped(document: Mapping[str, Any], fit_steps: int | None = None) -> dict[str, list[Run]]:
    """The runs by step, in the order of the steps; those of trainings cut short are asked for by their length."""
    runs = [run for run in document["runs"] if run["fit_steps"] == fit_steps]
    by_step = {step["name"]: [run for run in runs if run["step"] == step["name"]] for step in document["steps"]}
    return {name: of_step for name, of_step in by_step.items() if of_step}


def interval(run: Run, key: str) -> Interval | None:
    """What was measured with its 95 % interval; None where the table has nothing to measure it on."""
    if key in SCORED:
        value = run["score"][key]
        return value, value - SCORED[key], value + SCORED[key]
    finding = run["audit"]["findings"][key]
    return None if finding["value"] is None else (finding["value"], finding["lower"], finding["upper"])


def averaged(runs: Sequence[Run], key: str) -> Interval | None:
    """The means over seeds, of both ends as well."""
    found = [one for run in runs if (one := interval(run, key)) is not None]
    if not found:
        return None
    value, lower, upper = (fmean(numbers) for numbers in zip(*found, strict=True))
    return value, lower, upper


def half_width(found: Interval) -> float:
    return (found[2] - found[1]) / 2


def about(document: Mapping[str, Any], found: Mapping[str, Sequence[Run]]) -> str:
    run = next(iter(found.values()))[0]
    sizes = run["audit"]["sizes"]
    return (
        f"The table: {document['table']}, target `{document['target']}`, {sizes['train']:,} training records. Attacked"
        f" are {sizes['attacked']:,} records of training and as many of {sizes['holdout']:,} that nobody trained on;"
        f" further {sizes['reference']:,} are the reference of the calibrated attack."
    )


def tables(document: Mapping[str, Any], *, fit_steps: int | None = None) -> str:
    """Quality and privacy of each step."""
    found, says = grouped(document, fit_steps), {step["name"]: step["says"] for step in document["steps"]}
    score = next(iter(found.values()))[0]["score"]
    errors = [f"{100 * (1 - score[name]):.2f}" for name in ("shapes_holdout", "trends_holdout")]
    quality = [["a real holdout", "", "", *errors, "0.500", f"{score['trtr_auc']:.3f}", "", ""]]
    privacy = [["noise, if nothing is copied", *(noise(found, key) for key in PRIVACY)]]
    for name, runs in found.items():
        seeds = str(len({run["seed"] for run in runs}))
        values = [f"{fmean(map(column.value, runs)):.{column.digits}f}" for column in QUALITY]
        spent = [f"{fmean(run['fit'][key] for run in runs):,.0f}" for key in ("steps", "fit_cpu_s")]
        quality.append([f"`{name}`", says[name], seeds, *values, *spent])
        privacy.append([f"`{name}`", *(cell(averaged(runs, key)) for key in PRIVACY)])
    head = ("generator", "what differs", "seeds", *(column.title for column in QUALITY), "steps", "CPU s")
    return lines(head, quality) + "\n\n" + lines(("generator", *PRIVACY.values()), privacy)


def cell(found: Interval | None) -> str:
    return "none" if found is None else f"{found[0]:.3f} ({found[1]:.2f} to {found[2]:.2f})"


def noise(found: Mapping[str, Sequence[Run]], key: str) -> str:
    """One half, with the mean half-width of the intervals of single runs."""
    widths = [half_width(one) for runs in found.values() for run in runs if (one := interval(run, key)) is not None]
    return f"0.500 ± {fmean(widths):.3f}" if widths else "none"


def protection(found: Mapping[str, Sequence[Run]]) -> str:
    """What keeping rare categories and extremes out costs in fidelity."""
    if DEFAULT not in found or UNPROTECTED not in found:
        return ""
    on, off = same_seeds(found[DEFAULT], found[UNPROTECTED])
    if not on:
        return ""
    parts, within = [], []
    for column in QUALITY:
        a, b = fmean(map(column.value, on)), fmean(map(column.value, off))
        parts.append(f"{column.title.removesuffix(', %')} {a:.{column.digits}f} instead of {b:.{column.digits}f}")
        if column.draw is not None and abs(a - b) < column.draw:
            within.append(column.title)
    level = f" Within the noise of one draw: {' and '.join(within)}." if within else ""
    held = []
    for key in ("vulnerable.rare_auc", "vulnerable.extreme_auc"):
        with_, without = averaged(on, key), averaged(off, key)
        if with_ is not None and without is not None:
            held.append(f"{with_[0]:.3f} instead of {without[0]:.3f} ({PRIVACY[key]})")
    shown = f" AUC on those whom it is for: {', '.join(held)}." if held else ""
    return f"What protection costs, default against `{UNPROTECTED}`: {', '.join(parts)}.{level}{shown}"


def same_seeds(some: Sequence[Run], others: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs whose seed the other side has as well: they attack the same people."""
    common = {run["seed"] for run in some} & {run["seed"] for run in others}
    return [run for run in some if run["seed"] in common], [run for run in others if run["seed"] in common]


def compared(found: Mapping[str, Sequence[Run]]) -> str:
    """Which ingredient moves a measure of privacy by more than noise."""
    higher: list[str] = []
    lower: list[str] = []
    count = 0
    for name, runs in found.items():
        if name == DEFAULT or DEFAULT not in found:
            continue
        on, off = same_seeds(found[DEFAULT], runs)
        for key, title in PRIVACY.items():
            a, b = averaged(on, key), averaged(off, key)
            if a is None or b is None:
                continue
            count += 1
            if abs(a[0] - b[0]) > hypot(half_width(a), half_width(b)):
                text = f"{title} {a[0]:.3f} instead of {b[0]:.3f} (`{name}`)"
                (higher if a[0] > b[0] else lower).append(text)
    if not count:
        return ""
    return (
        f"Privacy, default against each other row: {count} comparisons; were they independent, 5 in 100 would go beyond"
        f" noise by chance. Beyond noise the default is higher in: {'; '.join(higher) or 'nothing'}. It is lower in:"
        f" {'; '.join(lower) or 'nothing'}."
    )


def above(found: Mapping[str, Sequence[Run]]) -> str:
    """How many intervals begin above one half, beside how many would by chance."""
    held = {
        title: [one for runs in found.values() for run in runs if (one := interval(run, key)) is not None]
        for key, title in PRIVACY.items()
    }
    count = sum(map(len, held.values()))
    seen = {title: sum(one[1] > 0.5 for one in some) for title, some in held.items()}
    named = ", ".join(f"{title} {number} of {len(held[title])}" for title, number in seen.items() if number)
    return (
        f"Of {count} intervals of single runs, {sum(seen.values())} begin above 0.5;"
        f" {0.025 * count:.1f} would by chance if nothing leaked.{f' They are: {named}.' if named else ''}"
    )


def spread(found: Mapping[str, Sequence[Run]]) -> str:
    """How far the seeds of the default lie apart."""
    runs = found.get(DEFAULT, ())
    if len(runs) < 2:
        return ""
    parts = []
    for column in QUALITY:
        values = [column.value(run) for run in runs]
        parts.append(f"{column.title} {max(values) - min(values):.{column.digits}f}")
    return f"The {len(runs)} seeds of the default lie apart by: {', '.join(parts)}."


def measured(found: Mapping[str, Sequence[Run]]) -> str:
    """Where, with what and of which commit."""
    runs = [run for some in found.values() for run in some]
    by_commit: dict[str, list[str]] = {}
    for run in runs:
        names = by_commit.setdefault(run["commit"], [])
        if run["step"] not in names:
            names.append(run["step"])
    commits = [f"`{name}`" + (f" ({', '.join(of)})" if len(by_commit) > 1 else "") for name, of in by_commit.items()]
    machines = {machine(run) for run in runs}
    versions = {", ".join(f"{k} {v}" for k, v in run["versions"].items()) for run in runs}
    loads = f"{min(r['load_before'] for r in runs)} to {max(r['load_after'] for r in runs)}"
    return (
        f"Measured at commit {', '.join(commits)}, {run_threads(runs)}, on {'; '.join(sorted(machines))}; load {loads}."
        f" {'; '.join(sorted(versions))}; battery {', '.join(sorted({r['audit']['battery'] for r in runs}))}."
    )


def machine(run: Run) -> str:
    held = run["machine"]
    return f"{held['cores']} x {held['processor']}, {held['architecture']}, {held['device']}, beside: {held['beside']}"


def run_threads(runs: Sequence[Run]) -> str:
    return " or ".join(f"threads: {number}" for number in sorted({run["fit"]["threads"] for run in runs}))
