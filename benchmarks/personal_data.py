"""Recall and precision on columns of personal data in the formats of five countries, beside presidio-analyzer.

usage: personal_data.py [--presidio PRESIDIO/bin/python] [--json OUT]

The columns are those of tests/synth/detect (formats, decoys, traps), which draw on no list that the detector reads.
Ours reads them as CSV files, one a country: with the headings of that country, with other headings, which were written
after the detector, and headed c1, c2, ....
A column is detected where it is proposed to be replaced as personal data of some kind. In brackets: replaced at all,
which a column of unknown codes is as well. presidio is at its defaults, with an engine for natural language that does
nothing: a column is detected where most of CELLS sampled cells have a result, dates aside, of a score of 0.5 or more;
once with the words of the heading as context, and once without any.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from app.intake.model import IntakeLimits
from app.intake.read import ingest
from benchmarks.lines import lines
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.surrogate import PERSONAL
from tests.synth.detect import decoys, formats, traps
from tests.synth.detect.headings import OTHER_HEADINGS

CELLS = 50
MOST = 0.5


@dataclass(frozen=True, kw_only=True)
class Column:
    kind: str
    """Empty for no personal data."""
    country: str
    heading: str
    other: str
    """What another table may call it."""
    cells: list[str]


@dataclass(frozen=True, kw_only=True)
class Result:
    kind: str
    country: str
    heading: str
    named: bool
    other: bool
    neutral: bool
    named_replaced: bool
    other_replaced: bool
    neutral_replaced: bool
    presidio_named: bool | None = None
    presidio: bool | None = None


def all_columns() -> list[Column]:
    found = [
        Column(kind=k, country=c, heading=h, other=OTHER_HEADINGS[k][formats.COUNTRIES.index(c)], cells=v)
        for k, c, h, v in formats.columns()
    ]
    return found + [Column(kind="", country="", heading=h, other=h, cells=v) for h, v in none_of_them()]


def none_of_them() -> list[tuple[str, list[str]]]:
    return decoys.columns() + traps.columns()


def proposed(columns: Sequence[Column], headings: Sequence[str]) -> list[ColumnSpec]:
    """What intake proposes for a CSV file of these columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(headings)
            writer.writerows(zip(*(column.cells for column in columns), strict=True))
        schema = ingest(path, Path(folder) / "t.parquet", filename="table.csv", limits=IntakeLimits()).schema
    return list(schema)


def ours(columns: Sequence[Column], headed: str) -> list[ColumnSpec]:
    found: list[ColumnSpec] = []
    for country in dict.fromkeys(column.country for column in columns):
        some = [column for column in columns if column.country == country]
        heads = [getattr(column, headed, f"c{i + 1}") for i, column in enumerate(some)]
        found += proposed(some, heads)
    return found


def by_presidio(python: str, columns: Sequence[Column], *, context: bool) -> list[bool]:
    asked = [
        {"heading": column.heading if context else "", "cells": Random(0).sample(column.cells, CELLS)}  # noqa: S311
        for column in columns
    ]
    script = Path(__file__).with_name("personal_presidio.py")
    done = subprocess.run(
        [python, str(script)], input=json.dumps({"columns": asked}), capture_output=True, text=True, check=True
    )
    return [shares.get("any but a date", 0.0) > MOST for shares in json.loads(done.stdout)]


def is_personal(spec: ColumnSpec) -> bool:
    return spec.surrogate is not None and spec.surrogate.of in PERSONAL


def measured(presidio: str | None) -> list[Result]:
    columns = sorted(all_columns(), key=lambda column: column.country)
    named, other, neutral = (ours(columns, headed) for headed in ("heading", "other", "none"))
    nothing: list[None] = [None] * len(columns)
    there = by_presidio(presidio, columns, context=True) if presidio else nothing
    without = by_presidio(presidio, columns, context=False) if presidio else nothing
    return [
        Result(
            kind=column.kind,
            country=column.country,
            heading=column.heading,
            named=is_personal(a),
            other=is_personal(o),
            neutral=is_personal(b),
            named_replaced=a.kind is ColumnKind.IDENTIFIER,
            other_replaced=o.kind is ColumnKind.IDENTIFIER,
            neutral_replaced=b.kind is ColumnKind.IDENTIFIER,
            presidio_named=p,
            presidio=q,
        )
        for column, a, o, b, p, q in zip(columns, named, other, neutral, there, without, strict=True)
    ]


HEAD = ("ours", "ours, other headings", "ours, c1 c2 ...", "presidio, heading as context", "presidio")


def counts(results: Sequence[Result]) -> list[str]:
    """How many of them each detects; of ours also how many are replaced at all."""
    found = []
    for said, replaced in (("named", "named_replaced"), ("other", "other_replaced"), ("neutral", "neutral_replaced")):
        told, all_of = (sum(getattr(result, field) for result in results) for field in (said, replaced))
        found.append(f"{told} ({all_of})")
    return found + [str(sum(bool(getattr(r, field)) for r in results)) for field in ("presidio_named", "presidio")]


def rates(results: Sequence[Result]) -> list[list[str]]:
    rows: list[list[str]] = [["recall"], ["precision"]]
    for field in ("named", "other", "neutral", "presidio_named", "presidio"):
        hits = sum(bool(getattr(r, field)) for r in results if r.kind)
        wrong = sum(bool(getattr(r, field)) for r in results if not r.kind)
        rows[0].append(f"{hits / sum(bool(r.kind) for r in results):.3f}")
        rows[1].append(f"{hits / max(1, hits + wrong):.3f}")
    return rows


def page(results: Sequence[Result]) -> str:
    kinds = dict.fromkeys(result.kind for result in results if result.kind)
    groups = {kind: [r for r in results if r.kind == kind] for kind in kinds}
    groups["no personal data"] = [r for r in results if not r.kind]
    table = [[kind, str(len(group)), *counts(group)] for kind, group in groups.items()]
    missed = [
        f"ours misses, {field}: "
        + "; ".join(f"{r.kind} {r.country} ({r.heading})" for r in results if r.kind and not getattr(r, field))
        for field in ("named", "other", "neutral")
    ]
    wrong = "; ".join(r.heading for r in results if not r.kind and (r.named or r.neutral))
    presidio = "; ".join(r.heading for r in results if not r.kind and (r.presidio or r.presidio_named))
    return "\n\n".join(
        [
            lines(("kind", "columns", *HEAD), table),
            lines(("", *HEAD), rates(results)),
            *missed,
            f"ours wrongly reports: {wrong or 'none'}",
            f"presidio wrongly reports: {presidio or 'none'}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presidio", help="the Python of an environment that has presidio-analyzer")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = measured(given.presidio)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    print(page(results))


if __name__ == "__main__":
    main()
