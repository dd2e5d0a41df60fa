"""How fast intake reads a CSV file, and in how much memory, beside `pandas.read_csv` of the same file.

    python -m benchmarks.intake --megabytes 150

Prints one JSON document: seconds of each reader in turn, their ratio, and the most memory that intake's process held.
Each reader runs in a process of its own and alternates with the other, since other work on the machine disturbs both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS_AT_ONCE = 100_000
INTAKE = """
import json, resource, sys, time
from pathlib import Path
from app.intake.model import IntakeLimits
from app.intake.read import ingest
import app.intake.read, app.intake.delimited as delimited
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
inner, took = delimited.read_delimited, []
def timed(*args, **kwargs):
    start = time.perf_counter()
    result = inner(*args, **kwargs)
    took.append(time.perf_counter() - start)
    return result
app.intake.read.read_delimited = timed
start, cpu = time.perf_counter(), time.process_time()
limits = IntakeLimits(max_bytes=2**40, max_decompressed_bytes=2**40)
intake = ingest(source, folder / "out.parquet", filename=source.name, limits=limits)
total = time.perf_counter() - start
print(json.dumps({"rows": intake.rows, "seconds": total, "cpu_seconds": time.process_time() - cpu,
                  "reading_seconds": took[0],
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
PANDAS = """
import json, resource, sys, time
import pandas
start, cpu = time.perf_counter(), time.process_time()
frame = pandas.read_csv(sys.argv[1])
print(json.dumps({"rows": len(frame), "seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu,
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def write(path: Path, megabytes: int, *, quoted: bool) -> None:
    """A table of people, of about so many megabytes."""
    rng = np.random.default_rng(0)
    cities = np.array(["Troyes", "Paris, Île-de-France", "Lyon", "Saint-Étienne", 'Aix "en" Provence'])
    with path.open("w", encoding="utf-8", newline="") as file:
        start = 0
        while file.tell() < megabytes * 1_000_000:
            n = ROWS_AT_ONCE
            frame = pd.DataFrame(
                {
                    "id": np.arange(start, start + n),
                    "age": rng.integers(18, 90, n),
                    "income": rng.lognormal(10, 0.6, n).round(2),
                    "joined": pd.to_datetime(rng.integers(0, 20_000, n), unit="D").strftime("%Y-%m-%d"),
                    "city": rng.choice(cities, n),
                    "job": rng.choice([f"occupation {i}" for i in range(200)], n),
                    "code": [f"{i:08}" for i in rng.integers(0, 10**8, n)],
                    "score": rng.normal(size=n),
                    "children": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 5, n)),
                    "note": [f"customer since {i}" for i in rng.integers(0, 10**6, n)],
                }
            )
            frame["children"] = frame["children"].astype("Int64")
            frame.to_csv(file, index=False, header=start == 0, quoting=1 if quoted else 0)
            start += n


def measured(code: str, *arguments: str) -> dict[str, float]:
    """What one reader reports from a process of its own."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def compared(folder: Path, megabytes: int, repeats: int, *, quoted: bool) -> dict[str, object]:
    """Both readers on one file, in turn."""
    source = folder / "people.csv"
    write(source, megabytes, quoted=quoted)
    runs: dict[str, list[dict[str, float]]] = {"intake": [], "pandas": []}
    for _ in range(repeats):
        runs["pandas"].append(measured(PANDAS, str(source)))
        runs["intake"].append(measured(INTAKE, str(source), str(folder)))
    best = {name: min(run["seconds"] for run in some) for name, some in runs.items()}
    reading = min(run["reading_seconds"] for run in runs["intake"])
    return {
        "quoted": quoted,
        "bytes": source.stat().st_size,
        "rows": runs["intake"][0]["rows"],
        "pandas_seconds": round(best["pandas"], 2),
        "intake_seconds": round(best["intake"], 2),
        "reading_seconds": round(reading, 2),
        "intake_by_pandas": round(best["intake"] / best["pandas"], 2),
        "reading_by_pandas": round(reading / best["pandas"], 2),
        "pandas_cpu_seconds": round(min(run["cpu_seconds"] for run in runs["pandas"]), 2),
        "intake_cpu_seconds": round(min(run["cpu_seconds"] for run in runs["intake"]), 2),
        "intake_mebibytes": round(max(run["mebibytes"] for run in runs["intake"])),
        "pandas_mebibytes": round(max(run["mebibytes"] for run in runs["pandas"])),
    }


def main() -> None:
    """Measures a plain and a quoted file and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", choices=["plain", "quoted"])
    wanted = parser.parse_args()
    kinds = [quoted for quoted in (False, True) if wanted.only is None or quoted == (wanted.only == "quoted")]
    with tempfile.TemporaryDirectory() as folder:
        figures = [compared(Path(folder), wanted.megabytes, wanted.repeats, quoted=quoted) for quoted in kinds]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
