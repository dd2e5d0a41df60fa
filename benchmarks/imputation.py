"""How well missing cells are filled, beside median and mode, IterativeImputer and miceforest; as JSON.

usage: imputation.py TABLE.csv [--records 5000] [--share 0.2] [--rule random|other] [--by COLUMN] [--times 5]
                     [--minutes 1] [--seeds 0 ...] [--only NAME ...] [--drop NAME ...] [--miceforest PYTHON]

From `--records` records at random the `--share` of cells is removed: completely at random, or by the rule that the
upper half of another column, `--by` or the first one, which stays whole, loses four times as many as the lower half
(`other`).
`--minutes` are of processor time. `--miceforest` is an interpreter that has it, see impute_runner.py. Each of `--seeds`
has records and gaps of its own. Given are their means, over m completed tables: the share of categories filled as they
were, the root of the mean squared error of numbers by their standard deviation (of single draws, and of their mean),
the energy distance of the completed table from the true one (numbers as ranks, categories one-hot), and of how many
numeric columns the 95 % interval of the mean holds the mean of the whole TABLE, with the root mean square of how many
standard errors means are off (about 1 where errors are as they are said to be). A mean that is filled in once has the
interval of a table without gaps. `nothing removed` says how far the records themselves are from TABLE.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
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
from synth.training.fit import fit
from synth.uses.impute import impute_with, pooled_means

ENERGY = 1500
"""Records between which distances are taken."""
RUNNER = Path(__file__).with_name("impute_runner.py")
Tables = list[pd.DataFrame]


def gaps(table: pd.DataFrame, share: float, rule: str, rng: np.random.Generator) -> np.ndarray:
    """(records, columns) which cells are removed; by the rule `other` none of the first column."""
    chance = np.full(table.shape, share)
    if rule == "other":
        numbers = pd.to_numeric(table.iloc[:, 0], errors="coerce")  # of few values they are categories here
        first = table.iloc[:, 0] if numbers.isna().any() else numbers
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
        command = [python, "-I", str(RUNNER), str(source), folder, str(times)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
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
    pooled = [each for each in pooled_means(tables if len(tables) > 1 else tables * 2, given) if each.missing > 0]
    return {
        "accuracy": float(np.mean(right)) if right else float("nan"),
        "rmse": float(np.mean(errors)),
        "rmse_of_mean": float(np.mean(errors_of_mean)),
        "energy_e4": 1e4 * float(np.mean([energy(true, table) for table in tables])),
        "means_held": float(np.mean([m.low <= population[m.column] <= m.high for m in pooled])),
        "off_in_errors": float(np.sqrt(np.mean([((m.mean - population[m.column]) / m.error) ** 2 for m in pooled]))),
    }


def prepared(path: str, drop: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """(the table whose numbers of few values are categories, columns that are left out: no method fills them)."""
    whole = pd.read_csv(path).dropna(axis=1, how="all").drop(columns=drop)
    many = [n for n, c in whole.items() if (not is_number(c) and c.nunique() > 200) or c.nunique() < 2]
    whole = whole.drop(columns=many)
    schema = propose_schema(whole.sample(min(len(whole), 20_000), random_state=0).reset_index(drop=True))
    few = [n for n in whole if is_number(whole[n]) and schema[n].kind.value == "categorical"]
    named = [c.name for c in schema if c.kind.value == "identifier" and c.name in whole]
    if few:
        whole[few] = whole[few].astype("string").astype(object).where(whole[few].notna(), None)
    return whole.drop(columns=named), [*drop, *many, *named]


def trial(whole: pd.DataFrame, args: argparse.Namespace, seed: int) -> dict[str, dict[str, float]]:
    held = whole.dropna()
    true = held.sample(min(args.records, len(held)), random_state=seed).reset_index(drop=True)
    population = held.mean(numeric_only=True)
    removed = gaps(true, args.share, args.rule, np.random.default_rng(seed))
    holed = true.mask(removed)

    def ours() -> Tables:
        schema = propose_schema(true)
        known, rng = validate(holed, schema), Rng(seed)
        config = TrainConfig(protect=False, max_minutes=args.minutes)
        model = fit(known, schema, config, rng.spawn("fit"), clock=time.process_time)
        return impute_with(model, known, rng, times=args.times).tables

    makers: dict[str, Callable[[], Tables]] = {
        "lookalike": ours,
        "median/mode": lambda: simple(holed),
        "IterativeImputer": lambda: iterative(holed, args.times),
        "nothing removed": lambda: [true],
    }
    if args.miceforest:
        makers["miceforest"] = lambda: peer(holed, args.times, args.miceforest)
    out = {}
    for name in args.only or makers:
        begin = cpu_seconds()
        tables = makers[name]()
        out[name] = {"cpu_s": cpu_seconds() - begin} | figures(tables, true, removed, population)
        print(seed, name, {key: round(value, 4) for key, value in out[name].items()}, file=sys.stderr, flush=True)
    return out


def cpu_seconds() -> float:
    """Of this process and of those that it started."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--rule", choices=["random", "other"], default="random")
    parser.add_argument("--by", help="the column that the rule `other` looks at")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--miceforest")
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    args = parser.parse_args()
    if args.miceforest and subprocess.run([args.miceforest, "-I", "-c", "import miceforest"], check=False).returncode:
        raise SystemExit(
            "--miceforest: expected an interpreter that has miceforest, got one without: see impute_runner.py"
        )
    whole, left_out = prepared(args.table, args.drop)
    if args.by is not None:
        if args.by not in whole:
            raise SystemExit(f"--by: expected a column that is kept, one of {', '.join(whole)}, got {args.by}")
        whole = whole[[args.by, *(name for name in whole if name != args.by)]]
    trials = [trial(whole, args, seed) for seed in args.seeds]
    by = {
        name: {key: round(float(np.mean([each[name][key] for each in trials])), 4) for key in trials[0][name]}
        for name in trials[0]
    }
    absent = [] if args.miceforest or args.only else ["miceforest: no interpreter was given by --miceforest"]
    facts = {
        "table": Path(args.table).name,
        "rule": args.rule,
        "seeds": args.seeds,
        "left_out": left_out,
        "absent": absent,
    }
    print(json.dumps({**facts, "by": by}))


if __name__ == "__main__":
    main()
