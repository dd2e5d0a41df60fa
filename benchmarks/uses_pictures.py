"""Draws the picture of each use in docs/uses.md, by running its notebook in examples/.

usage: uses_pictures.py EXAMPLES docs/pictures [--only NAME ...]

EXAMPLES is a copy of examples/ in which notebook.ipynb was run: it has adult.csv.gz and the folder `model`. The last
figure of a notebook becomes use-NAME.svg. The notebook of another domain trains for three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt

NOTEBOOKS = ("mix", "lost_data", "odd_records", "another_domain", "what_if")
EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=NOTEBOOKS)
    args = parser.parse_args()
    out = args.out.resolve()
    mpl.rcParams.update({"svg.hashsalt": "lookalike", "svg.fonttype": "none", "font.size": 9})
    os.chdir(args.examples)
    for name in args.only:
        cells = json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        exec("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"), {})  # noqa: S102
        plt.gcf().savefig(out / f"use-{name.replace('_', '-')}.svg", metadata={"Date": None})
        plt.close("all")


if __name__ == "__main__":
    main()
