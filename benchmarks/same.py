"""How often columns are the same in the records of a real table and of a synthetic one.

usage: python -m benchmarks.same TRAIN.csv SYNTHETIC.csv [MORE.csv ...]

Prints a line of JSON for each synthetic table: pairs of numeric columns that are the same in 1 % of the real records or
more, frequent values such as 0 aside; how many of them are off by more than two points; and the pair that is off most.
`benchmarks/fidelity.py` makes such tables.
"""

from __future__ import annotations

import json
import sys
from itertools import combinations

import numpy as np
import pandas as pd

from synth.detect.same import LEAST, frequent_in
from synth.protection import HOLDERS

POINTS = 0.02


def shares(table: pd.DataFrame, real: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The share of records in which each two columns are the same, without values that are frequent in the real one."""
    kept = {}
    for name in real.select_dtypes("number"):
        frequent = frequent_in(real[name].to_numpy(dtype=float), HOLDERS)
        x = table[name].to_numpy(dtype=float)
        kept[name] = np.where(np.isin(x, frequent), np.nan, x)
    return {(one, other): float((kept[one] == kept[other]).mean()) for one, other in combinations(kept, 2)}


def main() -> None:
    train, *synthetic = sys.argv[1:]
    real = pd.read_csv(train)
    often = {pair: share for pair, share in shares(real, real).items() if share >= LEAST}
    for path in synthetic:
        found = shares(pd.read_csv(path), real)
        off = {pair: abs(found[pair] - share) for pair, share in often.items()}
        worst = max(off, key=lambda pair: off[pair], default=None)
        said = {"pairs": len(often), "off": sum(each > POINTS for each in off.values())}
        if worst is not None:
            said |= {"worst": list(worst), "real": round(often[worst], 4), "synthetic": round(found[worst], 4)}
        print(json.dumps(said))


if __name__ == "__main__":
    main()
