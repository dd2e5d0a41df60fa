"""How well missing cells are filled, beside median and mode, IterativeImputer and miceforest; as JSON.

usage: imputation.py TABLE.csv [--records 3000] [--share 0.2] [--rule random|other] [--times 5] [--minutes 2]
                     [--miceforest PYTHON]

From `--records` records at random the `--share` of cells is removed: completely at random, or by the rule that the
upper half of another column, the first one, which stays whole, loses four times as many as the lower half.
`--miceforest` is an interpreter that has it, which is never a dependency. Given are, over m completed tables: the
share of categories filled as they were, the root of the mean squared error of numbers by their standard deviation (of
single draws, and of their mean), the energy distance of the completed table from the true one (numbers as ranks,
categories one-hot), and of how many numeric columns the 95 % interval of the mean holds the mean of the whole TABLE;
a mean that is filled in once has the interval of a table without gaps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.table.frame import validate
from synth.uses.impute import impute, pooled_means

ENERGY = 1500
"""Records between which distances are taken."""
PEER = """
import sys, pandas as pd, miceforest as mf
source, out, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
table = pd.read_parquet(source)
for name in table:
    if not pd.api.types.is_numeric_dtype(table[name]):
        table[name] = table[name].astype("category")
kernel = mf.ImputationKernel(table, num_datasets=times, mean_match_strategy="fast", random_state=0)
kernel.mice(5, verbose=False, num_threads=1)
for number in range(times):
    done = kernel.complete_data(number)
    for name in done.select_dtypes("category"):
        done[name] = done[name].astype(str)
    done.to_parquet(f"{out}/{number}.parquet")
"""
Tables = list[pd.DataFrame]


def gaps(table: pd.DataFrame, share: float, rule: str, rng: np.random.Generator) -> np.ndarray:
    """(records, columns) which cells are removed; by the rule `other` none of the first column."""
    chance = np.full(table.shape, share)
    if rule == "other":
        first = table.iloc[:, 0]
        high = first.rank(pct=True).to_numpy() > 0.5
        chance *= np.where(high, 1.6, 0.4)[:, None]
        chance[:, 0] = 0.0
    return (rng.random(table.shape) < chance) & table.notna().to_numpy()


def simple(holed: pd.DataFrame) -> Tables:
    return [holed.fillna({n: c.median() if is_number(c) else c.mode()[0] for n, c in holed.items()})]


def is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)


def iterative(holed: pd.DataFrame, times: int) -> Tables:
    """Categories are numbered by frequency; posterior draws, so that there are several tables."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401, PLC0415
    from sklearn.impute import IterativeImputer  # noqa: PLC0415

    labels = {n: list(c.value_counts().index) for n, c in holed.items() if not is_number(c)}
    coded = pd.DataFrame(
        {n: c if is_number(c) else c.map({v: i for i, v in enumerate(labels[n])}) for n, c in holed.items()}
    ).astype(float)
    found = []
    for seed in range(times):
        low, high = coded.min().to_numpy(), coded.max().to_numpy()
        imputer = IterativeImputer(sample_posterior=True, max_iter=10, random_state=seed, min_value=low, max_value=high)
        done = pd.DataFrame(imputer.fit_transform(coded), columns=coded.columns)
        for name, values in labels.items():
            done[name] = [values[int(np.clip(round(v), 0, len(values) - 1))] for v in done[name]]
        found.append(done)
    return found


def peer(holed: pd.DataFrame, times: int, python: str) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "holed.parquet"
        holed.to_parquet(source)
        subprocess.run([python, "-I", "-c", PEER, str(source), folder, str(times)], check=True, capture_output=True)
        return [pd.read_parquet(Path(folder) / f"{number}.parquet") for number in range(times)]


def energy(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """The energy distance (Szekely & Rizzo 2013) of records: numbers by the ranks of `one`, categories one-hot."""
    parts = []
    for table in (one, other):
        columns = []
        for name in one:
            if is_number(one[name]):
                known = np.sort(one[name].dropna().to_numpy(float))
                values = table[name].to_numpy(float)
                rank = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
                columns.append(np.where(np.isnan(values), -0.5, rank / len(known)))
            else:
                top = one[name].value_counts().index[:20]
                columns += [(table[name] == value).to_numpy(float) / np.sqrt(2) for value in top]
        parts.append(np.stack(columns, 1)[:ENERGY])
    between, *within = (cdist(a, b).mean() for a, b in ((parts[0], parts[1]), (parts[0],) * 2, (parts[1],) * 2))
    return float(2 * between - sum(within))


def figures(tables: Tables, true: pd.DataFrame, removed: np.ndarray, population: pd.Series) -> dict[str, float]:
    right, errors, errors_of_mean = [], [], []
    for place, name in enumerate(true):
        some = removed[:, place]
        if not some.any():
            continue
        if is_number(true[name]):
            spread = float(true[name].std()) or 1.0
            filled = np.stack([table[name].to_numpy(float)[some] for table in tables])
            wanted = true[name].to_numpy(float)[some]
            errors.append(float(np.sqrt(np.mean((filled - wanted) ** 2))) / spread)
            errors_of_mean.append(float(np.sqrt(np.mean((filled.mean(0) - wanted) ** 2))) / spread)
        else:
            wanted = true[name][some].astype(str).to_numpy()
            right.append(float(np.mean([(t[name][some].astype(str).to_numpy() == wanted).mean() for t in tables])))
    given = pd.DataFrame(~removed, columns=true.columns)
    pooled = pooled_means(tables if len(tables) > 1 else tables * 2, given)
    held = [m.low <= population[m.column] <= m.high for m in pooled if m.column in population and m.missing > 0]
    return {
        "accuracy": round(float(np.mean(right)), 4) if right else float("nan"),
        "rmse": round(float(np.mean(errors)), 4),
        "rmse_of_mean": round(float(np.mean(errors_of_mean)), 4),
        "energy_e4": round(1e4 * float(np.mean([energy(true, table) for table in tables])), 2),
        "means_held": int(sum(held)),
        "means": len(held),
    }


def timed(make: Callable[[], Tables]) -> tuple[Tables, float]:
    begin = time.perf_counter()
    return make(), round(time.perf_counter() - begin, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--rule", choices=["random", "other"], default="random")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--miceforest")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    whole = pd.read_csv(args.table).dropna(axis=1, how="all")
    drop = [n for n, c in whole.items() if not is_number(c) and c.nunique() > 200]
    whole = whole.drop(columns=drop)
    schema = propose_schema(whole.sample(min(len(whole), 20_000), random_state=0).reset_index(drop=True))
    few = [n for n in whole if is_number(whole[n]) and schema[n].kind.value == "categorical"]
    whole = whole.drop(columns=[c.name for c in schema if c.kind.value == "identifier" and c.name in whole])
    whole[few] = whole[few].astype("string").astype(object).where(whole[few].notna(), None) if few else whole[few]
    true = whole.sample(args.records, random_state=args.seed).dropna().reset_index(drop=True)
    population = whole.dropna().mean(numeric_only=True)
    removed = gaps(true, args.share, args.rule, rng)
    holed = true.mask(removed)
    schema = propose_schema(true)
    held = validate(holed, schema)
    config = TrainConfig(protect=False, max_minutes=args.minutes)
    makers: dict[str, Callable[[], Tables]] = {
        "lookalike": lambda: impute(held, schema, Rng(args.seed), times=args.times, config=config).tables,
        "median/mode": lambda: simple(holed),
        "IterativeImputer": lambda: iterative(holed, args.times),
    }
    if args.miceforest:
        makers["miceforest"] = lambda: peer(holed, args.times, args.miceforest)
    out: dict[str, dict[str, object]] = {}
    for name, make in makers.items():
        try:
            tables, seconds = timed(make)
        except subprocess.CalledProcessError as error:  # its last words say why
            out[name] = {"failed": error.stderr.decode()[-200:]}
            continue
        out[name] = {**figures(tables, true, removed, population), "seconds": seconds}
    facts = {"table": Path(args.table).name, "rule": args.rule, "records": len(true), "left_out": drop}
    print(json.dumps({**facts, "by": out}, indent=1))


if __name__ == "__main__":
    main()
