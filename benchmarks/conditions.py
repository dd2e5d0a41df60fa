"""How records under conditions compare with the real records that meet them, and with a free sample's; as JSON.

usage: conditions.py TRAIN.csv HOLDOUT.csv --model FOLDER [--conditions 20] [--rows 4000] [--free 400000]
                     [--shares LOW HIGH] [--draws 0]

`--model` is a folder that fidelity.py --model wrote. Conditions are taken from real records at random: one to three of
their columns, the category, or a range of a tenth of all records about a number. Those are used that LEAST real records
meet, and as many free ones, and a share of the real ones between LOW and HIGH (0 and .035). What is given is the mean
over conditions and columns that they leave open of the total variation distance of one-way tables, numbers by tenths:
from the real records (train and holdout) to records drawn under the condition, to those of a free sample that meet it,
and to all of a free sample; from those of a free sample that meet it to records drawn under it. `noise` is what so few
records differ by anyhow: as many of the free sample's as real ones meet it, from all of the free sample's that do.
`met` is the share of the drawn records that meet the conditions, and `times_free` the processor time of drawing them,
in parts of that of as many free records. With `--draws`, so many tables of BATCH records are drawn besides, and
`effective` says how many independent records one of a table is worth: how much shares of categories and tenths would
vary between tables of independent records, in parts of how much they do.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pandas as pd
import torch

from benchmarks.fidelity import as_learnt
from synth.artifact import load
from synth.randomness import Rng
from synth.sampling.sample import BATCH, sample
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, TableSchema

LEAST = 150
SHARES = (0.0, 0.035)
BAND = 0.05
ATTEMPTS = 20_000
"""Conditions that are looked at, at most."""
Wanted = Mapping[str, str | Range]


def meets(table: pd.DataFrame, wanted: Wanted) -> np.ndarray:
    held = np.ones(len(table), dtype=bool)
    for name, one in wanted.items():
        column = table[name]
        inside = column.between(one.low, one.high) if isinstance(one, Range) else column.astype(str) == one
        held &= inside.fillna(value=False).to_numpy(dtype=bool)
    return held


def propose(real: pd.DataFrame, schema: TableSchema, rng: np.random.Generator) -> Wanted:
    """Conditions that one real record meets."""
    record = real.iloc[int(rng.integers(len(real)))]
    names = [c.name for c in schema if c.kind in {ColumnKind.CATEGORICAL, ColumnKind.NUMERICAL}]
    wanted: dict[str, str | Range] = {}
    for name in rng.permutation(names)[: int(rng.integers(1, 4))]:
        if pd.isna(record[name]):
            continue
        if schema[name].kind is ColumnKind.CATEGORICAL:
            wanted[name] = str(record[name])
        else:
            place = float((real[name] <= record[name]).mean())
            ends = real[name].quantile([max(0.0, place - BAND), min(1.0, place + BAND)], interpolation="nearest")
            wanted[name] = Range(*sorted(ends))
    return wanted


def in_parts(tables: list[pd.DataFrame], real: pd.DataFrame, schema: TableSchema) -> list[dict[str, pd.Series]]:
    """The columns of each table as categories; numbers by tenths of the real ones."""
    found: list[dict[str, pd.Series]] = [{} for _ in tables]
    for column in schema:
        if column.kind is ColumnKind.IDENTIFIER:
            continue
        cuts = None
        if column.kind is not ColumnKind.CATEGORICAL:
            cuts = np.unique(real[column.name].dropna().quantile(np.linspace(0.1, 0.9, 9)))
        for table, parts in zip(tables, found, strict=True):
            values = table[column.name]
            placed = (
                values.astype(str) if cuts is None else pd.Series(np.searchsorted(cuts, values.to_numpy(dtype=float)))
            )
            parts[column.name] = placed
    return found


def apart(one: dict[str, pd.Series], other: dict[str, pd.Series], given: Wanted) -> float:
    """The mean over the columns that are open."""
    distances = []
    for name in one.keys() - given.keys():
        shares = [parts[name].value_counts(normalize=True) for parts in (one, other)]
        distances.append(float(shares[0].sub(shares[1], fill_value=0.0).abs().sum()) / 2)
    return fmean(distances)


def proposals(
    real: pd.DataFrame, free: pd.DataFrame, schema: TableSchema, rng: np.random.Generator, shares: tuple[float, float]
) -> Iterator[Wanted]:
    """Conditions that enough real and free records meet, and a share of the real ones between these."""
    least, most = max(LEAST, shares[0] * len(real)), shares[1] * len(real)
    for _ in range(ATTEMPTS):
        wanted = propose(real, schema, rng)
        if least <= meets(real, wanted).sum() <= most and meets(free, wanted).sum() >= LEAST:
            yield wanted


def effective(tables: list[pd.DataFrame], real: pd.DataFrame, given: Wanted, schema: TableSchema) -> float:
    """How many independent records one of these is worth, by how much shares vary between tables of as many records.

    The variance of a share p of n independent records is p (1 - p) / n; all categories and tenths of the columns that
    the conditions leave open are added up.
    """
    expected, seen = 0.0, 0.0
    parts = in_parts(tables, real, schema)
    for name in parts[0].keys() - given.keys():
        shares = pd.concat([part[name].value_counts(normalize=True) for part in parts], axis=1).fillna(0.0)
        mean = shares.mean(axis=1)
        expected += float((mean * (1 - mean)).sum()) / len(tables[0])
        seen += float(shares.var(axis=1, ddof=1).sum())
    return expected / seen if seen else 1.0


def compared(
    real: pd.DataFrame, free: pd.DataFrame, drawn: pd.DataFrame, wanted: Wanted, schema: TableSchema
) -> dict[str, float]:
    """How far apart the records are that meet the conditions."""
    held, kept = real[meets(real, wanted)], free[meets(free, wanted)]
    few = kept.sample(min(len(held), len(kept)), random_state=0)
    parts = in_parts([held, kept, drawn, free, few], real, schema)
    return {
        "share": len(held) / len(real),
        "drawn": apart(parts[0], parts[2], wanted),
        "kept": apart(parts[0], parts[1], wanted),
        "all": apart(parts[0], parts[3], wanted),
        "drawn_from_kept": apart(parts[1], parts[2], wanted),
        "noise": apart(parts[4], parts[1], wanted),
        "met": float(meets(drawn, wanted).mean()),
        "distinct": float((~drawn.duplicated()).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("holdout")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--conditions", type=int, default=20)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--free", type=int, default=400_000)
    parser.add_argument("--shares", type=float, nargs=2, default=SHARES, metavar=("LOW", "HIGH"))
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    model = load(args.model)
    real = as_learnt(model, args.train, args.holdout)
    if len(real) * args.shares[1] < LEAST:
        raise SystemExit(f"expected {int(LEAST / args.shares[1]) + 1:,} real records or more, got {len(real):,}")
    begin = time.process_time()
    free = sample(model, args.free, Rng(args.seed).spawn("free"))
    of_free = (time.process_time() - begin) / args.free * args.rows
    proposed = proposals(real, free, model.schema, np.random.default_rng(args.seed), args.shares)
    rows = []
    for number, wanted in enumerate(islice(proposed, args.conditions)):
        begin, random = time.process_time(), Rng(args.seed).spawn(f"given{number}")
        drawn = sample(model, args.rows, random, conditions=wanted)
        seconds = time.process_time() - begin
        row = {**compared(real, free, drawn, wanted, model.schema), "times_free": seconds / of_free}
        if args.draws > 1:
            tables = [sample(model, BATCH, random.spawn(str(i)), conditions=wanted) for i in range(args.draws)]
            row["effective"] = effective(tables, real, wanted, model.schema)
        rows.append(row)
    if not rows:
        raise SystemExit(f"expected conditions that {LEAST} free records meet, got none: give more by --free")
    figures = {name: round(fmean(row[name] for row in rows), 4) for name in rows[0]}
    figures["share_median"] = round(median(row["share"] for row in rows), 4)
    figures["times_free_most"] = round(max(row["times_free"] for row in rows), 2)
    print(json.dumps({"conditions": len(rows), **figures, "torch": torch.__version__}, indent=1))


if __name__ == "__main__":
    main()
