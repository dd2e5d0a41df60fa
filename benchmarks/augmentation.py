"""What more records of a rare class bring, beside repeating real ones and SMOTE, as JSON.

usage: augmentation.py TABLE.csv --target COLUMN --class VALUE [--rows 4000] [--rare 0.05] [--share 0.3] [--steps 300]

The class is made rare first, by leaving out records of it. Half of the rows are trained on, the others are the holdout:
the generator, random oversampling and SMOTE see the first half alone. Gains are `both` minus `real` with the 95 %
interval over tested records, see `synth.fidelity.augmentation`. The training is measured in steps and not in minutes:
on a busy machine few minutes are no training at all.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.fidelity.augmentation import Class, augmentation
from synth.fidelity.frames import Part
from synth.randomness import Rng
from synth.sampling.augment import augmented
from synth.sampling.mix import sample_mix
from synth.table.mix import Augment
from synth.training.fit import fit


def thinned(
    table: pd.DataFrame, is_class: np.ndarray, rows: int, rare: float, rng: np.random.Generator
) -> pd.DataFrame:
    """`rows` records, a share `rare` of which are of the class."""
    of_class, others = rng.permutation(np.flatnonzero(is_class)), rng.permutation(np.flatnonzero(~is_class))
    few = round(rows * rare)
    return table.iloc[rng.permutation(np.concatenate([of_class[:few], others[: rows - few]]))].reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--target", required=True)
    parser.add_argument("--class", dest="value", required=True)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rare", type=float, default=0.05)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    whole = pd.read_csv(args.table, sep=None, engine="python")  # some are separated by semicolons
    random = np.random.default_rng(args.seed)
    table = thinned(whole, (whole[args.target].astype(str) == args.value).to_numpy(), args.rows, args.rare, random)
    table[args.target] = table[args.target].astype(str)
    train, holdout = table.iloc[: args.rows // 2].reset_index(drop=True), table.iloc[args.rows // 2 :]
    schema = propose_schema(train, target=args.target)
    begin = time.process_time()
    model = fit(train, schema, TrainConfig(steps=args.steps, device="cpu"), Rng(args.seed).spawn("train"))
    rows, mix = augmented(model, len(train), Augment(column=args.target, value=args.value, share=args.share))
    made = sample_mix(model, rows, Rng(args.seed).spawn("sample"), [mix])
    seconds = time.process_time() - begin
    tables = {"train": train, "holdout": holdout.reset_index(drop=True), "synthetic": made}
    masks = {name: (each[args.target].astype(str) == args.value).to_numpy() for name, each in tables.items()}
    wanted = Class(column=args.target, value=args.value, **masks)
    found = augmentation(*tables.values(), schema, wanted, args.share, random)
    if isinstance(found, Part):
        raise SystemExit(found.reason)
    print(json.dumps({"cpu_s": round(seconds, 1), "steps": model.steps, **rounded(found.to_json())}, indent=1))


def rounded(value: object) -> dict[str, object]:
    """The same with numbers to four places."""
    told: dict[str, object] = json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 4))
    return told


if __name__ == "__main__":
    main()
