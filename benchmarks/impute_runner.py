"""Fills a table's missing cells by miceforest, several times over.

usage: impute_runner.py HOLED.parquet FOLDER TIMES

Runs under the Python of an environment of the package's own: it needs pandas, pyarrow and miceforest with a lightgbm
that it can call (below 4.6), and is no part of the project's code. FOLDER gets 0.parquet, 1.parquet and so on. For
example

    python3 -m venv peers/miceforest && peers/miceforest/bin/pip install miceforest==6.0.5 "lightgbm<4.6" pyarrow
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

ROUNDS = 5


def main(source: Path, out: Path, times: int) -> None:
    import miceforest  # noqa: PLC0415 - only in its own environment

    table = pd.read_parquet(source)
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    # by the default `normal` categories that are certain have infinite log-odds, on which its k-d tree fails
    match = {name: "fast" if name in texts else "normal" for name in table}
    kernel = miceforest.ImputationKernel(
        table.astype(dict.fromkeys(texts, "category")), times, mean_match_strategy=match, random_state=0
    )
    kernel.mice(ROUNDS, verbose=False, num_threads=1)
    for number in range(times):
        done = kernel.complete_data(number)
        done.astype(dict.fromkeys(texts, str)).to_parquet(out / f"{number}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
