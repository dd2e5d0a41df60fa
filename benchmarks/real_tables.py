"""Every table of a folder through the command line, with no option but the file, and what comes back.

usage: python -m benchmarks.real_tables DATA [--cases DIR] [--only NAME] [--minutes M] [--score SCORE.py] [--json OUT]

DATA holds files that `fit` reads. Of a text file of one record a line seven tenths are learnt and the rest is held out.
`fit` is given the file and a time limit, `sample` as many records as were learnt. Compared are, after `pandas.read_csv`
of both files with the same arguments: the columns and their order, their dtypes, the cells of columns that are
replaced, and which cells are missing, by column and together. With --score (a script with `kinds`, `align` and
`quality`) also column shapes and pair trends, where a table has fewer than MOST_SCORED records; beside them stand those
of the records that were held out, which nobody can expect to exceed.

--cases takes a folder of folders, each with a table called input.csv or input.parquet.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from app.intake.errors import IntakeError
from app.intake.model import Intake, IntakeLimits
from app.intake.read import ingest
from benchmarks.lines import lines
from synth.table.schema import TableSchema
from synth.written.surrogate import Replaced

LEARNT = 0.7
MOST_SCORED = 50_000
SHOWN_PATTERNS = 5
OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
NAMES = (".csv", ".tsv", ".parquet", ".gz", ".bz2")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came back for one table."""

    table: str
    records: int
    fault: str = ""
    """Why nothing came back."""
    columns_alike: bool = False
    dtypes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """(real, synthetic) of the columns whose dtypes differ."""
    replaced: int = 0
    """Columns that are not learnt."""
    real_cells: dict[str, int] = field(default_factory=dict)
    """How many cells of such columns are cells of the upload, where there are any."""
    missing: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The missing rate of each column that has missing cells, real and synthetic."""
    patterns: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The shares of records that lack just these columns, the most frequent ones first."""
    pattern_distance: float = 0.0
    """Half the sum of the differences of all such shares."""
    shapes: float | None = None
    trends: float | None = None
    trends_held_out: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A table as it is learnt, and what is held out of it; None where it is not divided."""

    learnt: Path
    held_out: Path | None


def divided(source: Path, folder: Path) -> Parts:
    """The records of a text file at random, each line as it is; other files whole."""
    if not source.name.removesuffix(source.suffix if source.suffix in OPENERS else "").endswith((".csv", ".tsv")):
        return Parts(learnt=source, held_out=None)
    with OPENERS.get(source.suffix, open)(source, "rb") as file:
        head, *records = file.read().splitlines(keepends=True)
    if len(records) < 100 or any(line.count(b'"') % 2 for line in records):
        return Parts(learnt=source, held_out=None)
    order = list(range(len(records)))
    random.Random(0).shuffle(order)  # noqa: S311
    cut = round(LEARNT * len(order))
    name = source.name.removesuffix(source.suffix) if source.suffix in OPENERS else source.name
    learnt, held_out = folder / f"learnt.{name}", folder / f"held_out.{name}"
    for path, chosen in ((learnt, order[:cut]), (held_out, order[cut:])):
        path.write_bytes(head + b"".join(records[i] for i in sorted(chosen)))
    return Parts(learnt=learnt, held_out=held_out)


def frame_of(path: Path, known: Mapping[str, Any]) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, low_memory=False, **known)


def command(*arguments: str | Path) -> str:
    """What is wrong, in the last line that the command printed; empty where nothing is."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason was given"])[-1]


def measured(name: str, source: Path, minutes: float, score: Any) -> Found:  # noqa: ANN401 - a module
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        parts = divided(source, folder)
        try:
            intake = ingest(
                parts.learnt,
                folder / "t.parquet",
                filename=source.name,
                limits=IntakeLimits(max_decompressed_bytes=2**33),
            )
        except IntakeError as error:
            return Found(table=name, records=0, fault=str(error))
        out = folder / ("synthetic.parquet" if source.suffix == ".parquet" else "synthetic.csv")
        fault = command("fit", parts.learnt, "-o", folder / "model", "--max-minutes", str(minutes))
        fault = fault or command("sample", folder / "model", "-n", str(intake.rows), "-o", out)
        if fault:
            return Found(table=name, records=intake.rows, fault=fault)
        known = {"sep": intake.delimiter, "encoding": intake.encoding} if intake.delimiter else {}
        try:
            real, made = frame_of(parts.learnt, known), frame_of(out, known)
        except (ValueError, pd.errors.ParserError) as error:
            return Found(table=name, records=intake.rows, fault=f"pandas: {type(error).__name__}")
        schema = TableSchema.from_json(json.loads((folder / "model" / "model.json").read_text())["schema"])
        found = compared(name, intake, schema, real, made)
        if score is not None and len(real) < MOST_SCORED:
            held = None if parts.held_out is None else frame_of(parts.held_out, known)
            found = Found(**{**asdict(found), **scored(score, real, made, held)})
        return Found(**{**asdict(found), "seconds": round(time.monotonic() - begin, 1)})


def compared(name: str, intake: Intake, schema: TableSchema, real: pd.DataFrame, made: pd.DataFrame) -> Found:
    common = [column for column in real if column in made]
    replaced = [spec for spec in schema if spec.surrogate is not None and spec.name in common]
    told = [spec.name for spec in replaced if spec.surrogate and spec.surrogate.of is not Replaced.TEXT]
    copied = {c: int(made[c].dropna().astype(str).isin(set(real[c].dropna().astype(str))).sum()) for c in told}
    rates = {c: (float(real[c].isna().mean()), float(made[c].isna().mean())) for c in common}
    shares = [pattern_shares(frame[common]) for frame in (real, made)]
    most = sorted(shares[0], key=lambda pattern: -shares[0][pattern])[:SHOWN_PATTERNS]
    return Found(
        table=name,
        records=intake.rows,
        columns_alike=list(real) == list(made),
        dtypes={c: (str(real[c].dtype), str(made[c].dtype)) for c in common if real[c].dtype != made[c].dtype},
        replaced=len(replaced),
        real_cells={column: count for column, count in copied.items() if count},
        missing={column: pair for column, pair in rates.items() if any(pair)},
        patterns={pattern: (shares[0][pattern], shares[1].get(pattern, 0.0)) for pattern in most},
        pattern_distance=sum(abs(shares[0].get(p, 0) - shares[1].get(p, 0)) for p in shares[0] | shares[1]) / 2,
    )


def pattern_shares(frame: pd.DataFrame) -> dict[str, float]:
    """The share of records that lack just these columns."""
    lacking = Counter(map(tuple, frame.isna().to_numpy().tolist()))
    names = list(frame)
    return {
        " + ".join(str(n) for n, missing in zip(names, row, strict=True) if missing) or "none": count / len(frame)
        for row, count in lacking.items()
    }


def scored(score: Any, real: pd.DataFrame, made: pd.DataFrame, held: pd.DataFrame | None) -> dict[str, Any]:  # noqa: ANN401
    """Shapes and trends as the script has them."""
    numbers, _ = score.kinds(real)
    meta = {"columns": {c: {"sdtype": "numerical" if c in numbers else "categorical"} for c in real}}
    base = score.align(real, real)
    shapes, trends, _ = score.quality(base, score.align(real, made), meta)
    found = {"shapes": shapes, "trends": trends}
    if held is not None:
        found["trends_held_out"] = score.quality(base, score.align(real, held), meta)[1]
    return found


def page(found: list[Found]) -> str:
    head = ["table", "records", "columns", "dtypes that differ", "replaced (real cells)", "missing, largest difference"]
    head += ["patterns of missing", "shapes", "trends (held out)", "seconds"]
    rows = []
    for each in found:
        if each.fault:
            rows.append([each.table, f"{each.records:,}", each.fault, *[""] * (len(head) - 3)])
            continue
        worst = max(each.missing, key=lambda c: abs(each.missing[c][0] - each.missing[c][1]), default=None)
        rows.append(
            [
                each.table,
                f"{each.records:,}",
                "alike" if each.columns_alike else "OTHERS",
                "; ".join(f"{c}: {a}, {b}" for c, (a, b) in each.dtypes.items()) or "none",
                f"{each.replaced} ({sum(each.real_cells.values())})",
                "" if worst is None else f"{worst}: {each.missing[worst][0]:.2%}, {each.missing[worst][1]:.2%}",
                f"{each.pattern_distance:.3f} apart" if each.missing else "",
                "" if each.shapes is None else f"{each.shapes:.3f}",
                ""
                if each.trends is None
                else f"{each.trends:.3f}" + ("" if each.trends_held_out is None else f" ({each.trends_held_out:.3f})"),
                f"{each.seconds:.0f}",
            ]
        )
    parts = [lines(head, rows)]
    for each in found:
        if each.missing:
            rates = [[c, f"{a:.2%}", f"{b:.2%}"] for c, (a, b) in each.missing.items()]
            kept = [[p, f"{a:.2%}", f"{b:.2%}"] for p, (a, b) in each.patterns.items()]
            parts.append(f"{each.table}\n\n" + lines(["missing in", "real", "synthetic"], rates))
            parts.append(lines(["records that lack just", "real", "synthetic"], kept))
        if each.real_cells:
            parts.append(f"{each.table}: cells of the upload: {each.real_cells}")
    return "\n\n".join(parts)


def tables(data: Path | None, cases: Path | None, only: list[str]) -> dict[str, Path]:
    """The files by name."""
    found = {} if data is None else {p.name: p for p in sorted(data.iterdir()) if p.name.endswith(NAMES)}
    if cases is not None:
        inputs = sorted(p for p in cases.glob("*/*") if p.name.endswith(NAMES))
        found |= {f"{p.parent.name}/{p.name}": p for p in inputs}
    return {name: path for name, path in found.items() if not only or any(name.startswith(each) for each in only)}


def script(path: Path) -> Any:  # noqa: ANN401 - a module
    sys.path.insert(0, str(path.parent))
    return importlib.import_module(path.stem)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--only", action="append", default=[], help="Tables whose names begin so; repeatable.")
    parser.add_argument("--minutes", type=float, default=1.0, help="Time limit of each training.")
    parser.add_argument("--score", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    score = None if args.score is None else script(args.score)
    found: list[Found] = []
    for name, path in tables(args.data, args.cases, args.only).items():
        found.append(measured(name, path, args.minutes, score))
        print(json.dumps(asdict(found[-1])), file=sys.stderr, flush=True)
    print(page(found))
    if args.json is not None:
        args.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
