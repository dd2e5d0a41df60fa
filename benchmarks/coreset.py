"""How well models learn from few synthetic records, chosen by `coreset` or at random; AUC as JSON.

usage: coreset.py TABLE.csv[.gz] TARGET --model FOLDER [--records 20000] [--learnt 10000] [--repeats 8]
                  [--sizes 100 300 1000] [--missing ?]

The model in FOLDER has learnt the first `--learnt` of `--records` records at random (seed 0), as in
examples/notebook.ipynb; the others test. Of each size `--repeats` tables are drawn. Told are the mean AUC of both, and
the difference with its 95 % interval (Student's t over the repeats).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.domains import learnt
from benchmarks.fidelity import as_learnt
from synth.artifact import load
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.uses.coreset import coreset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("target")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--learnt", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 300, 1000])
    parser.add_argument("--missing", default="?", help="what stands for a missing value")
    args = parser.parse_args()
    if args.repeats < 2:
        raise SystemExit("expected two repeats or more: the interval is over them")
    model = load(args.model)
    table = as_learnt(model, args.table, missing=args.missing).sample(args.records, random_state=0)[args.learnt :]
    tested = table.head(4000).reset_index(drop=True)
    found: dict[str, object] = {"10,000 records": learnt(sample(model, 10_000, Rng(0)), tested, args.target, None)}
    for size in args.sizes:
        pairs = [
            [learnt(make(model, size, Rng(seed)), tested, args.target, None) for make in (sample, coreset)]
            for seed in range(args.repeats)
        ]
        for name in pairs[0][0]:
            auc = np.array([[each[name][0] for each in pair] for pair in pairs])
            gain = auc[:, 1] - auc[:, 0]
            half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
            figures = [*auc.mean(0), gain.mean(), gain.mean() - half, gain.mean() + half]
            found[f"{size} records, {name}"] = [round(float(each), 4) for each in figures]
    print(json.dumps({"as": "random, coreset, gain, lower, upper", "auc": found}, indent=1))


if __name__ == "__main__":
    main()
