"""Draws what `peers.py` found, and writes its figures into the page.

usage: pictures.py benchmarks/results docs/pictures [--page docs/fidelity.md] [--table adult]

The same results give the same bytes. Text between `<!-- figures: NAME -->` and `<!-- end -->` of the page is written
anew, so that no number of it was typed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
from curves import DCR_NOISE, MIA_NOISE, OURS, Point, Results, load, seconds
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from page import write_page

mpl.rcParams.update(
    {
        "svg.hashsalt": "lookalike",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.edgecolor": "#555555",
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "xtick.color": "#555555",
        "ytick.color": "#555555",
    }
)
PALE = "#8a8a8a"


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """How a generator is drawn: told apart by line, mark and lightness, so in grey as well."""

    color: str
    line: str
    mark: str


STYLES = {
    OURS: Style(color="#0b3c6f", line="-", mark="o"),
    "ctgan": Style(color="#c8553d", line="--", mark="s"),
    "mostlyai": Style(color="#6f9a3e", line="-.", mark="^"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A panel: what is measured, and what a real table reaches."""

    title: str
    value: Callable[[Point], float]
    real: Callable[[Mapping[str, float]], float]
    log: bool
    ticks: tuple[float, ...]
    aside: Mapping[str, float] = field(default_factory=lambda: {OURS: -6, "mostlyai": 4})
    """Points by which labels stand above the ends of their lines"""
    least: float | None = None
    """Where the panel begins; what lies below is not shown"""


MEASURES = (
    Measure(
        title="Shape error, % (lower is better)",
        value=lambda p: p.shape_error,
        real=lambda s: 100 * (1 - s["shapes_holdout"]),
        log=True,
        ticks=(0.3, 0.5, 1, 2, 5, 10, 20, 40),
    ),
    Measure(
        title="Trend error over all pairs, % (lower is better)",
        value=lambda p: p.trend_error,
        real=lambda s: 100 * (1 - s["trends_holdout"]),
        log=True,
        ticks=(1, 2, 5, 10, 20, 40),
    ),
    Measure(
        title="C2ST: AUC of telling it from real (0.5 is best)",
        value=lambda p: p.c2st,
        real=lambda _: 0.5,
        log=False,
        ticks=(0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    ),
    Measure(
        title="TSTR: AUC on real records (higher is better)",
        value=lambda p: p.tstr,
        real=lambda s: s["trtr_auc"],
        log=False,
        ticks=(0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94),
        aside={OURS: -9, "mostlyai": -20},
        least=0.8,
    ),
)


def plain(number: float, _: object = None) -> str:
    return f"{number:,g}"


def save(figure: Figure, out: Path) -> None:
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    print(out)


def curve(axes: Axes, results: Results, measure: Measure) -> None:
    """The means over seeds as a line, every seed as a mark; a hollow mark is a training that was not over."""
    style = STYLES[results.generator]
    stages = results.stages()
    times = [seconds(stage) for stage in stages]
    values = [fmean(measure.value(point) for point in stage) for stage in stages]
    axes.plot(times, values, style.line, color=style.color, linewidth=1.5)
    for stage, time in zip(stages, times, strict=True):
        for point in stage:
            fill = style.color if point.final else "white"
            axes.plot(time, measure.value(point), style.mark, color=style.color, markerfacecolor=fill, markersize=4.5)
    ours = results.generator == OURS
    axes.annotate(
        results.name,
        (times[-1], values[-1]),
        xytext=(6, measure.aside.get(results.generator, 0)),
        textcoords="offset points",
        color=style.color,
        va="center",
        fontweight="bold" if ours else "normal",
    )


def panel(axes: Axes, found: Mapping[str, Results], measure: Measure) -> None:
    for results in found.values():
        curve(axes, results, measure)
    score = next(iter(found.values())).points[0].score
    real = measure.real(score)
    axes.axhline(real, color=PALE, linewidth=0.8, linestyle=":")
    axes.annotate(
        "a real holdout" if real != 0.5 else "real records",
        (1, real),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        color=PALE,
        fontsize=8,
    )
    axes.set_title(measure.title)
    axes.set_xscale("log")
    if measure.log:
        axes.set_yscale("log")
    axes.margins(y=0.1)
    low, high = axes.get_ylim()
    if measure.least is not None:
        low, high = measure.least, real + 0.02
        axes.set_ylim(low, high)
    axes.set_yticks([tick for tick in measure.ticks if low <= tick <= high])
    axes.set_xticks([5, 10, 30, 100, 300, 1000])
    axes.set_xlim(4, 5000)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(plain))
        axis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()


def quality_against_time(found: Mapping[str, Results], out: Path) -> None:
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    for axes, measure in zip(figure.subplots(2, 2, sharex=True).flat, MEASURES, strict=True):
        panel(axes, found, measure)
    figure.supxlabel("processor time of training, seconds (one thread)", fontsize=9, color="#333333")
    save(figure, out)


def closeness(found: Mapping[str, Results], out: Path) -> None:
    """Whether generated records lie nearer to training records than to others, with the noise of one score."""
    figure = Figure(figsize=(9, 1.0 + 0.35 * len(found)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panels = (
        (left, "Share nearer to training than to holdout", lambda p: p.dcr, DCR_NOISE),
        (right, "AUC of the distance attack on membership", lambda p: p.mia, MIA_NOISE),
    )
    for axes, title, value, noise in panels:
        axes.axvspan(0.5 - noise / 2**0.5, 0.5 + noise / 2**0.5, color="#e6e6e6", linewidth=0)
        axes.axvline(0.5, color=PALE, linewidth=0.8, linestyle=":")
        for place, results in enumerate(found.values()):
            style = STYLES[results.generator]
            for point in results.last:
                fill = style.color if point.final else "white"
                axes.plot(value(point), place, style.mark, color=style.color, markerfacecolor=fill, markersize=6)
        axes.set_title(title)
        axes.set_xlim(0.47, 0.55)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(found) - 0.5, -0.5)
    left.set_yticks(range(len(found)), [results.name for results in found.values()])
    save(figure, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--table", default="adult")
    args = parser.parse_args()
    found = load(args.results, args.table)
    if OURS not in found:
        raise SystemExit(f"expected {args.table}.{OURS}.json in {args.results}")
    args.pictures.mkdir(parents=True, exist_ok=True)
    quality_against_time(found, args.pictures / "quality-against-time.svg")
    closeness(found, args.pictures / "closeness.svg")
    page = args.page or args.pictures.parent / "fidelity.md"
    write_page(page, found, args.results)
    print(page)


if __name__ == "__main__":
    main()
