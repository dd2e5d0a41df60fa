"""The figures of the page on fidelity, as Markdown written from the results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from ablation_page import ablation
from curves import ASKED, DCR_NOISE, MIA_NOISE, OURS, Point, Results, overtaken, seconds
from equal_cpu_page import equal_cpu
from lines import lines

HEAD = (
    "generator",
    "seeds",
    "shape error, %",
    "trend error, %",
    "C2ST AUC",
    "TSTR AUC",
    "DCR share",
    "MIA AUC",
    "copies, %",
    "CPU s",
    "wall s",
)
QUALITY = {
    "shapes": "shape error, %",
    "trends": "trend error, %",
    "trends_same_bins": "with the same bins, %",
    "c2st_auc": "C2ST AUC",
    "tstr_auc": "TSTR AUC",
    "trtr_auc": "TRTR AUC",
    "dcr_share_train": "DCR share",
    "mia_dist_auc": "MIA AUC",
}


def row(name: str, points: Sequence[Point]) -> list[str]:
    """The means over seeds."""
    return [
        name,
        str(len({p.seed for p in points})),
        *(f"{fmean(v):.2f}" for v in ([p.shape_error for p in points], [p.trend_error for p in points])),
        *(
            f"{fmean(v):.3f}"
            for v in (
                [p.c2st for p in points],
                [p.tstr for p in points],
                [p.dcr for p in points],
                [p.mia for p in points],
            )
        ),
        f"{100 * fmean(p.score['exact_train_match'] for p in points):.2f}",
        f"{seconds(points):,.0f}",
        f"{fmean(p.wall_s for p in points):,.0f}",
    ]


def data(found: Mapping[str, Results]) -> str:
    document = found[OURS].document
    name, target, records = document["table"], document["target"], document["runs"][0]["records"]
    return f"The table: {name}, target `{target}`, {records:,} training records; others are kept aside for scoring."


def real_row(score: Mapping[str, float]) -> list[str]:
    errors = [f"{100 * (1 - score[name]):.2f}" for name in ("shapes_holdout", "trends_holdout")]
    return ["a real holdout", "", *errors, "0.500", f"{score['trtr_auc']:.3f}", "", "", "", "", ""]


def table(found: Mapping[str, Results]) -> str:
    rows = [real_row(found[OURS].points[0].score)]
    for results in found.values():
        stages = results.stages()
        rows.extend(row(f"{results.name}, {stop(results.generator, stage[0])}", stage) for stage in stages)
    return lines(HEAD, rows)


def stop(generator: str, point: Point) -> str:
    """Where a training was when it was looked at."""
    if generator == OURS:
        return "default settings" if point.budget_s is None else f"a budget of {point.budget_s:g} s"
    return f"{point.done} (its end)" if point.final else point.done


def ratio(ours: Results, peer: Results) -> str:
    """What came of the race with one peer, in sentences."""
    end = peer.last
    steps = f"`{peer.generator}` {peer.document['runs'][0]['version']}"
    state = f"took {seconds(end):,.0f} s of processor time ({end[0].done})"
    if not end[0].final:
        state = f"was stopped after {seconds(end):,.0f} s of processor time ({end[0].done}) and had not come to its end"
    asked = ASKED[peer.generator]
    first = overtaken(ours, peer)
    if first is None:
        return f"- {steps} {state}. Lookalike was not better in every column at any of its budgets."
    share = seconds(first) / seconds(end)
    verdict = "met" if share <= asked else "missed"
    return (
        f"- {steps} {state}. Lookalike was better in every column after {seconds(first):,.1f} s"
        f" ({stop(OURS, first[0])}), the shortest time of the table at which it was: {share:.3f} of the peer's time."
        f" Asked for was {asked:.3f}: {verdict}.{close(first, end)}{behind(ours, end, asked)}"
    )


def close(ours: Sequence[Point], peer: Sequence[Point]) -> str:
    """Which of those leads another draw could turn round."""
    c2st = fmean(p.c2st for p in peer) - fmean(p.c2st for p in ours)
    tstr = fmean(p.tstr for p in ours) - fmean(p.tstr for p in peer)
    within = [
        f"{name} by {lead:.3f}" for name, lead, noise in (("C2ST", c2st, 0.02), ("TSTR", tstr, 0.01)) if lead < noise
    ]
    return f" Leads within the noise of one draw: {', '.join(within)}." if within else ""


def behind(ours: Results, end: Sequence[Point], asked: float) -> str:
    """In which columns of quality the longest training within the time asked for was not better, if in any."""
    within = [stage for stage in ours.stages() if seconds(stage) <= asked * seconds(end)]
    if not within:
        return ""
    stage, columns = within[-1], []
    if max(p.shape_error for p in stage) >= min(p.shape_error for p in end):
        columns.append("shape error")
    if max(p.trend_error for p in stage) >= min(p.trend_error for p in end):
        columns.append("trend error")
    if max(p.c2st for p in stage) >= min(p.c2st for p in end):
        columns.append("C2ST")
    if min(p.tstr for p in stage) <= max(p.tstr for p in end):
        columns.append("TSTR")
    named = ", ".join(columns)
    return f" Within the time asked for, after {seconds(stage):,.1f} s, it was behind in {named}." if columns else ""


def ratios(found: Mapping[str, Results]) -> str:
    peers = [results for name, results in found.items() if name != OURS]
    noise = (
        "Better in every column: lower shape and trend error and C2ST, higher TSTR, with every seed; DCR share and"
        f" membership AUC not above the peer's by more than noise ({DCR_NOISE:.3f} and {MIA_NOISE:.3f}: 95 of 100"
        " differences between two tables that copy nothing are smaller)."
    )
    return "\n".join([*(ratio(found[OURS], peer) for peer in peers), "", noise])


def machine(found: Mapping[str, Results]) -> str:
    rows = []
    for results in found.values():
        document, runs = results.document, results.document["runs"]
        about = document["machine"]
        load = f"{min(r['load_before'] for r in runs)} to {max(r['load_after'] for r in runs)}"
        rows.append(
            [
                f"{results.name} {runs[0]['version']}",
                ", ".join(str(seed) for seed in sorted({r["seed"] for r in runs})),
                str(runs[0]["threads"]),
                f"{about['cores']} x {about['processor']}, {about['architecture']}, {about['device']}",
                f"{runs[0]['python']}, {runs[0]['torch']}",
                ", ".join(sorted({f"`{r['commit']}`" for r in runs})),
                load,
                about["beside"],
            ]
        )
    head = ("generator", "seeds", "threads", "machine", "Python, torch", "commit", "load", "beside")
    scored = found[OURS].document["scored_with"]
    return lines(head, rows) + "\n\nScored with " + ", ".join(f"{k} {v}" for k, v in scored.items()) + "."


def five(file: Path) -> str:
    """Mean and worst of the benchmark tables by `quality.py`, where it has been run."""
    if not file.exists():
        return "Not measured yet: `python benchmarks/quality.py --json benchmarks/results/quality.json ...`"
    document = json.loads(file.read_text(encoding="utf-8"))
    rows = []
    for name, scores in document["summary"].items():
        cells = []
        for key in QUALITY:
            r2 = key.replace("auc", "r2")
            if key not in scores and r2 in scores:
                cells.append("R² " + " / ".join(f"{v:.3f}" for v in scores[r2]))
            elif key not in scores:
                cells.append("")
            elif key.startswith(("shapes", "trends")):
                cells.append(" / ".join(f"{100 * (1 - v):.2f}" for v in scores[key]))
            else:
                cells.append(" / ".join(f"{v:.3f}" for v in scores[key]))
        seeds = len({r["seed"] for r in document["runs"] if r["table"] == name})
        fits = [r["fit"]["cpu_s"] for r in document["runs"] if r["table"] == name]
        nobody = document.get("frequencies_only", {}).get(name, {})
        without = " / ".join(f"{nobody[key]:.3f}" for key in ("dcr_share_train", "mia_dist_auc") if key in nobody)
        rows.append([name, str(seeds), *cells, without, f"{fmean(fits):,.0f} / {max(fits):,.0f}"])
    head = ("table", "seeds", *QUALITY.values(), "DCR share / MIA AUC, nobody learnt", "CPU s, with sampling and CSV")
    commits = sorted({r.get("commit", document["commit"])[:12] for r in document["runs"]})
    return f"Mean / worst over seeds, commit {', '.join(f'`{c}`' for c in commits)}.\n\n" + lines(head, rows)


def write_page(page: Path, found: Mapping[str, Results], results: Path) -> None:
    """Writes the figures anew between the page's marks."""
    parts = {
        "data": data(found),
        "ratios": ratios(found),
        "table": table(found),
        "machine": machine(found),
        "tables": five(results / "quality.json"),
        "ablation": ablation(results),
        "equal cpu": equal_cpu(results),
    }
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        mark = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if len(mark.findall(text)) != 1:
            raise SystemExit(f"{page}: expected one mark <!-- figures: {name} --> with its <!-- end -->")
        text = mark.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
    page.write_text(text, encoding="utf-8")
