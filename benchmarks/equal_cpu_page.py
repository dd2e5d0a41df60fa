"""What each ingredient brings at equal processor time, as Markdown from what `ablation.py --equal-cpu` found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from ablation_page import DEFAULT
from lines import lines

Run = Mapping[str, Any]
NOT_YET = "Not measured yet: `python benchmarks/ablation.py --equal-cpu --parts adult/ --work runs/ --score score.py`"


class Score(NamedTuple):
    """A column of the page."""

    title: str
    names: tuple[str, ...]
    """Where it is in a run's scores: the first of these that is there"""
    digits: int
    is_error: bool = False
    """Whether it is shown as what is missing to 1, in per cent"""

    def of(self, run: Run) -> float:
        """The score of a run, as it is shown."""
        value = next(run["score"][name] for name in self.names if name in run["score"])
        return 100 * (1 - value) if self.is_error else value


SCORES = (
    Score("shape error, %", ("shapes",), 2, is_error=True),
    Score("trend error, %", ("trends",), 2, is_error=True),
    Score("with the same bins, %", ("trends_same_bins",), 2, is_error=True),
    Score("C2ST AUC", ("c2st_auc",), 3),
    Score("TSTR", ("tstr_auc", "tstr_r2"), 3),
    Score("DCR share", ("dcr_share_train",), 3),
    Score("MIA AUC", ("mia_dist_auc",), 3),
)


def equal_cpu(folder: Path) -> str:
    """The section of the page, a table for each table that was measured."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("equal_cpu.*.json"))]
    return "\n\n".join(part(document) for document in documents if document["runs"]) or NOT_YET


def part(document: Mapping[str, Any]) -> str:
    """What was measured on one table."""
    draws = max(run["draws"] for run in document["runs"])
    said = f"{document['table']}, target `{document['target']}`; tables drawn from each model: {draws}."
    return f"{said}\n\n{table(document)}"


def table(document: Mapping[str, Any]) -> str:
    """A row for each step and commit, in the order of the commits and the steps: rows of one commit can be compared."""
    rows = []
    commits = list(dict.fromkeys(run["commit"] for run in document["runs"]))
    for commit, step in product(commits, document["steps"]):
        wanted = (step["name"], commit, None)
        runs = [run for run in document["runs"] if (run["step"], run["commit"], run["fit_steps"]) == wanted]
        if runs:
            name = f"`{step['name']}`" if step["name"] == DEFAULT else f"`{step['name']}`: {step['says']}"
            seeds = str(len({run["seed"] for run in runs}))
            spent = [f"{fmean(run['fit'][what] for run in runs):,.0f}" for what in ("steps", "fit_cpu_s")]
            rows.append(
                [
                    name,
                    f"`{commit[:7]}`",
                    seeds,
                    *(cell([score.of(run) for run in runs], score.digits) for score in SCORES),
                    *spent,
                ]
            )
    return lines(("generator", "commit", "seeds", *(score.title for score in SCORES), "steps", "CPU s"), rows)


def cell(values: Sequence[float], digits: int) -> str:
    """The mean, and of several values half of how far they lie apart."""
    mean = f"{fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {(max(values) - min(values)) / 2:.{digits}f}"
