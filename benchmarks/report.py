"""How long the page and the PDF of a report take, and how large they are; as JSON.

usage: python -m benchmarks.report REPORT.json [--columns 300] [--times 3] [--out FOLDER]
           [--assess TABLE.csv.gz --target COLUMN]

Measures the report at hand, and a made-up one with as many columns: the same run, with columns, pairs and heat maps
drawn at random, half of the columns categorical. Given are the median of the seconds from JSON to HTML and the size of
the page in bytes, and the seconds and bytes of the PDF of the report at hand. Asked for are 3 s and 1.5 MB, 10 s for
the PDF, and for 300 columns 30 s and 8 MB.

With `--assess` the processor seconds of the fidelity behind a report are measured as well: 60 % of the table are learnt
from, 25 % are held out, and the synthetic records are drawn from all, with two columns shuffled.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from app.report.page import render
from app.report.pdf import render_pdf
from synth.detect.propose import propose_schema
from synth.fidelity.assess import assess
from synth.randomness import Rng
from synth.table.frame import validate

Json = dict[str, Any]
BINS = 30
CATEGORIES = 20
MOST_TRENDS = 40
LEVELS = 8
PAIRS = 10


def shares(rng: np.random.Generator, count: int) -> list[float]:
    return [float(share) for share in rng.dirichlet(np.ones(count))]


def marginal(rng: np.random.Generator, name: str, place: int) -> Json:
    count = BINS if place % 2 else CATEGORIES
    edges = [float(edge) for edge in range(count + 1)]
    labels = [f"{a:g} to {a + 1:g}" for a in edges[:-1]] if place % 2 else [f"category {i}" for i in range(count)]
    synthetic, floor = sorted(rng.random(2) / 10, reverse=True)
    return {
        "column": name,
        "kind": "numerical" if place % 2 else "categorical",
        "labels": labels,
        "real": shares(rng, count),
        "synthetic": shares(rng, count),
        "edges": edges if place % 2 else None,
        "edge_labels": [f"{edge:g}" for edge in edges] if place % 2 else None,
        "rest": [{"label": "(missing)", "real": 0.0, "synthetic": 0.01}],
        "score": {"value": float(rng.random())},
        "floor": {"value": 0.99},
        "gap": {"synthetic": float(synthetic), "floor": float(floor)},
    }


def pair(rng: np.random.Generator, names: Sequence[str]) -> Json:
    first, second = (str(name) for name in rng.choice(names, 2, replace=False))
    levels = [f"level {i}" for i in range(LEVELS)]
    grids = [np.array(shares(rng, LEVELS * LEVELS)).reshape(LEVELS, LEVELS).tolist() for _ in range(2)]
    return {
        "first": first,
        "second": second,
        "rows": levels,
        "columns": levels,
        "real": grids[0],
        "synthetic": grids[1],
        "gap": {"synthetic": 0.2, "floor": 0.1},
    }


def widened(document: Json, columns: int) -> Json:
    """The same run on a table of as many columns."""
    rng = np.random.default_rng(0)
    names = [f"measurement of the {i}th kind" for i in range(columns)]
    shown = names[:MOST_TRENDS]
    matrices = [rng.random((len(shown), len(shown))).tolist() for _ in range(3)]
    mean = {"synthetic": 0.1, "floor": 0.05}
    pairs = [pair(rng, names) for _ in range(PAIRS)]
    fidelity = document["fidelity"] | {
        "marginals": [marginal(rng, name, i) for i, name in enumerate(names)],
        "pairs": {"worst": pairs, "compared": columns * (columns - 1) // 2, "left_out": 0, "mean": mean},
        "trends": {
            "columns": shown,
            "left_out": columns - len(shown),
            "measure": "Made up.",
            **dict(zip(("real", "synthetic", "holdout"), matrices, strict=True)),
        },
    }
    protocol = document["protocol"] | {"columns": [{"name": name, "value": "numerical, feature"} for name in names]}
    coverage = [{"name": name, "value": "10 attacks on records"} for name in names]
    return document | {"fidelity": fidelity, "protocol": protocol, "coverage": coverage}


def measured(document: Json, times: int, out: Path | None) -> Json:
    """Columns, bytes of the document, median seconds and bytes of the page."""
    text = json.dumps(document)
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        page = render(json.loads(text))
        seconds.append(time.perf_counter() - begin)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{len(document['fidelity']['marginals'])}-columns.html").write_text(page, encoding="utf-8")
    return {
        "columns": len(document["fidelity"]["marginals"]),
        "document_bytes": len(text.encode()),
        "seconds": round(median(seconds), 2),
        "page_bytes": len(page.encode()),
    }


def pdf(document: Json) -> Json:
    """Seconds and bytes of the PDF; the fonts are looked up before."""
    render_pdf(document, "0" * 64)
    begin = time.perf_counter()
    made = render_pdf(document, "0" * 64)
    return {"seconds": round(time.perf_counter() - begin, 2), "bytes": len(made)}


def assessed(path: Path, target: str) -> Json:
    """Records and processor seconds of the fidelity of a table that resembles the one at hand."""
    frame = pd.read_csv(path)
    schema = propose_schema(frame, target=target)
    frame = validate(frame, schema).sample(frac=1, random_state=0, ignore_index=True)
    learnt, held_out = round(0.6 * len(frame)), round(0.25 * len(frame))
    synthetic = frame.sample(learnt, replace=True, random_state=1, ignore_index=True)
    for place, name in enumerate(list(frame.columns[:2])):
        synthetic[name] = synthetic[name].sample(frac=1, random_state=place, ignore_index=True)
    begin = time.process_time()
    train, holdout = frame[:learnt], frame[learnt : learnt + held_out]
    assess(train, holdout, synthetic, schema, Rng(0).spawn("assess").numpy)
    seconds = round(time.process_time() - begin, 1)
    return {"train": learnt, "holdout": held_out, "synthetic": learnt, "cpu_seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("--columns", type=int, default=300)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--assess", type=Path)
    parser.add_argument("--target")
    args = parser.parse_args()
    document = json.loads(args.report.read_text(encoding="utf-8"))
    found = {"report": document, "wide": widened(document, args.columns)}
    figures = {name: measured(each, args.times, args.out) for name, each in found.items()} | {"pdf": pdf(document)}
    if args.assess is not None:
        figures["assess"] = assessed(args.assess, args.target)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
