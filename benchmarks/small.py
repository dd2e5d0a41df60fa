"""Tables of a few hundred people: what is learnt of them, and whether it is the people themselves.

usage: small.py [--tables breast_cancer,diabetes,...] [--data FOLDER] [--seeds 3] [--draws 3] [--set NAME=VALUE ...]
                [--json OUT.json]

Each seed cuts a table anew: three fifths are learnt, the others are holdout, for one split of so few says little.
breast_cancer, diabetes and digits come with scikit-learn. Names such as magic_2500 are so many records of a gzipped
table in `--data`, examples/ unless it is given, all drawn anew by each seed. Beside the generator stands a Gaussian
copula with the table's frequencies, which knows one number for each two columns: the correlation of normal scores, ties
at their mean, which is less than that of normal variables behind columns of few values.

One thread. Scores are means over draws and seeds: `dcr_share` of synthetic records nearer to train than to as many of
holdout, `mia_auc` by which the distance to the nearest synthetic record tells train from holdout, `c2st_auc` of a
random forest that tells synthetic records from holdout's, `tstr` AUC (R2 of a quantity) on holdout of one that learnt
the target from them, `trtr` from train, and `trend` error in % with the same bins (`trends.py`). That is about train,
so least where records are learnt by heart; `trend_unseen` is about holdout, `trend_holdout` is holdout's about train.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import torch
from fidelity import read
from numpy.typing import NDArray
from quality import TARGETS, commit
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits
from trends import is_quantity, trend_error

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.training.fit import fit

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLES = ("breast_cancer", "diabetes", "digits", "adult_1000")
LEARNT = 0.6
FEW_VALUES = 20
"""A column of numbers of no more values is drawn by the copula, and told as a target, value by value."""
SUBSETS = 4
"""Times that as many training records as holdout's are drawn."""
TREES, LEAF, FOLDS = 200, 3, 5

Numbers = NDArray[np.float64]
Draw = Callable[[int], pd.DataFrame]
"""As many synthetic records as were learnt, by the number of the draw"""


def table_of(name: str, data: Path, seed: int) -> tuple[pd.DataFrame, str]:
    """(the records in an order by chance, the target)."""
    table, _, count = name.rpartition("_")
    if count.isdecimal():
        part = read(str(data / f"{table}.csv.gz")).sample(int(count), random_state=seed)
        return part.reset_index(drop=True), TARGETS[table]
    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    whole = frame.rename(columns=lambda column: column.replace(" ", "_"))
    return whole.sample(frac=1, random_state=seed).reset_index(drop=True), "target"


def lookalike(train: pd.DataFrame, target: str, seed: int, config: TrainConfig) -> Draw:
    """Draws from the generator."""
    schema = propose_schema(train, target=target)
    model = fit(validate(train, schema), schema, config, Rng(seed), progress=lambda _: None)
    return lambda number: sample(model, len(train), Rng(seed).spawn(f"sample{number}"))


def copula(train: pd.DataFrame, seed: int) -> Draw:
    """Draws from the Gaussian copula of a table; a quantity lies anywhere between two of its values."""
    count = len(train)
    ranks = np.stack([(train[name].rank() - 0.5) / count for name in train], 1)
    normal = torch.special.ndtri(torch.from_numpy(ranks)).numpy()
    spread = normal.std(0) + (normal.std(0) == 0)
    centred = (normal - normal.mean(0)) / spread
    correlation = centred.T @ centred / count
    np.fill_diagonal(correlation, 1.0)

    def draw(number: int) -> pd.DataFrame:
        rng = np.random.default_rng((seed, number))
        normal = rng.multivariate_normal(np.zeros(len(correlation)), correlation, count)
        places = torch.special.ndtr(torch.from_numpy(normal)).numpy().T * count
        return pd.DataFrame({name: between(train[name], place) for name, place in zip(train, places, strict=True)})

    return draw


def between(column: pd.Series, place: Numbers) -> Numbers | NDArray[Any]:
    """The values at places among the sorted ones."""
    values = column.sort_values().to_numpy()
    if is_quantity(column) and column.nunique() > FEW_VALUES:
        between_: Numbers = np.interp(place, np.arange(len(values)) + 0.5, values)
        return between_
    return np.asarray(values[np.minimum(place.astype(int), len(values) - 1)])


def distances(train: pd.DataFrame, tables: list[pd.DataFrame]) -> list[Numbers]:
    """Tables as coordinates whose city-block distances are Gower's."""
    found: list[list[Numbers]] = [[] for _ in tables]
    for name in train:
        if is_quantity(train[name]):
            reach = float(train[name].max() - train[name].min()) or 1.0
            for each, table in zip(found, tables, strict=True):
                each.append(table[name].to_numpy(dtype=np.float64)[:, None] / reach)
        else:
            values = pd.Index(train[name].astype(str).unique())
            for each, table in zip(found, tables, strict=True):
                code = values.get_indexer(table[name].astype(str))
                each.append(np.eye(len(values) + 1)[code] / 2)
    return [np.hstack(each) for each in found]


def privacy(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, number: int) -> dict[str, float]:
    """How much nearer synthetic records are to train than to holdout, and the other way about."""
    learnt, others, made = distances(train, [train, holdout, synthetic])
    rng, shares, aucs = np.random.default_rng(number), list[float](), list[float]()
    for _ in range(SUBSETS):
        some = learnt[rng.permutation(len(learnt))[: len(others)]]
        ours, theirs = nearest(some, made), nearest(others, made)
        shares.append(float((ours < theirs).mean() + (ours == theirs).mean() / 2))
        told = np.r_[nearest(made, some), nearest(made, others)]
        aucs.append(float(roc_auc_score(np.repeat([1, 0], len(others)), -told)))
    return {"dcr_share": fmean(shares), "mia_auc": fmean(aucs)}


def nearest(among: Numbers, records: Numbers) -> Numbers:
    found: Numbers = NearestNeighbors(n_neighbors=1, metric="manhattan").fit(among).kneighbors(records)[0][:, 0]
    return found


def numbers(train: pd.DataFrame, tables: list[pd.DataFrame], without: str | None = None) -> list[Numbers]:
    """Tables as numbers for trees: categories from frequent to rare."""
    names = [name for name in train if name != without]
    order = {n: pd.Index(train[n].astype(str).value_counts().index) for n in names if not is_quantity(train[n])}
    found = []
    for table in tables:
        columns = [order[n].get_indexer(table[n].astype(str)) if n in order else table[n] for n in names]
        found.append(np.nan_to_num(np.stack([np.asarray(c, dtype=np.float64) for c in columns], 1), nan=-1e9))
    return found


def told_apart(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """AUC of a forest that tells synthetic records from as many of holdout's."""
    real, made = numbers(train, [holdout, synthetic.head(len(holdout))])
    label = np.repeat([0, 1], [len(real), len(made)])
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    chance = cross_val_predict(forest, np.vstack([real, made]), label, cv=folds, method="predict_proba")
    return float(roc_auc_score(label, chance[:, 1]))


def useful(learnt: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame, target: str) -> float:
    """AUC, or R2 of a quantity, on holdout of a forest that learnt the target."""
    shown, asked = numbers(train, [learnt, holdout], without=target)
    if is_quantity(train[target]) and train[target].nunique() > FEW_VALUES:
        told = RandomForestRegressor(TREES, random_state=0).fit(shown, learnt[target]).predict(asked)
        return float(r2_score(holdout[target], told))
    forest = RandomForestClassifier(TREES, random_state=0).fit(shown, learnt[target].astype(str))
    chance, truth = forest.predict_proba(asked), holdout[target].astype(str)
    if chance.shape[1] == 2:
        return float(roc_auc_score(truth == forest.classes_[1], chance[:, 1]))
    return float(roc_auc_score(truth, chance, multi_class="ovr", labels=forest.classes_))


def scores(train: pd.DataFrame, holdout: pd.DataFrame, target: str, draw: Draw, draws: int) -> dict[str, float]:
    found = []
    for number in range(draws):
        synthetic = draw(number)
        found.append(
            privacy(train, holdout, synthetic, number)
            | {
                "c2st_auc": told_apart(train, holdout, synthetic),
                "tstr": useful(synthetic, train, holdout, target),
                "trend": 100 * trend_error(train, synthetic),
                "trend_unseen": 100 * trend_error(holdout, synthetic),
            }
        )
    beside = {"trtr": useful(train, train, holdout, target), "trend_holdout": 100 * trend_error(train, holdout)}
    return {name: fmean(each[name] for each in found) for name in found[0]} | beside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--data", type=Path, default=EXAMPLES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings other than the defaults")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    changes = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in args.set)}
    config = TrainConfig.from_json(changes)
    runs: list[dict[str, Any]] = []
    for name in args.tables.split(","):
        for seed in range(args.seeds):
            mixed, target = table_of(name, args.data, seed)
            count = int(LEARNT * len(mixed))
            train, holdout = mixed.head(count), mixed.tail(-count).reset_index(drop=True)
            begun = time.process_time()
            draw = lookalike(train, target, seed, config)
            seconds = time.process_time() - begun
            ours = scores(train, holdout, target, draw, args.draws) | {"fit_cpu_s": seconds}
            floor = scores(train, holdout, target, copula(train, seed), args.draws)
            runs.append({"table": name, "seed": seed, "records": count, "lookalike": ours, "copula": floor})
            print(name, seed, {key: round(value, 3) for key, value in ours.items()}, flush=True)
    for name in args.tables.split(","):
        for who in ("copula", "lookalike"):
            some = [run[who] for run in runs if run["table"] == name]
            print(f"{name:14s} {who:10s}", {key: round(fmean(r[key] for r in some), 3) for key in some[0]})
    if args.json:
        versions = {"torch": torch.__version__, "numpy": np.__version__, "pandas": pd.__version__}
        held = {"commit": commit(), "changes": changes, "versions": versions, "runs": runs}
        args.json.write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    main()
