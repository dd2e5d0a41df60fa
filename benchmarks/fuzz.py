"""Send the API what its description allows, and count the answers that are wrong.

    python -m benchmarks.fuzz [--examples 50] [--uploads 5] [--sequences 100] [--database sqlite|postgres|both]

Every operation gets so many requests, and so many sequences of up to eight requests follow what earlier answers said,
on a service of its own on each database. Ends with an error at the first 5xx, or status, content type or body that the
description does not know. The tests do the same with a few examples.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from app.config import Settings
from app.db import migrate
from tests.support.fuzz import things, try_operations, try_sequences
from tests.support.postgres import binaries_or_skip, run_server
from tests.support.web import serve


def main() -> None:
    """Print for each database what was tried."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--uploads", type=int, default=5)
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    asked = parser.parse_args()
    for name in ("sqlite", "postgres") if asked.database == "both" else (asked.database,):
        with contextlib.ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            url = ""
            if name == "postgres":
                url = opened.enter_context(opened.enter_context(run_server(binaries_or_skip())).database())
            settings = Settings(home=folder / "home", database_url=url, device="cpu")
            migrate(settings)
            web = opened.enter_context(serve(settings))
            begun = time.monotonic()
            ours = things(web, folder)
            called = try_sequences(web, ours, examples=asked.sequences)
            operations = try_operations(web, ours, examples=asked.examples, uploads=asked.uploads)
            reached = len({path for _, path, status in called if status == "2xx"})
            print(
                f"{name}: {operations} operations, {asked.examples} requests each ({asked.uploads} uploads); "
                f"{asked.sequences} sequences, {len(called)} kinds of answers, {reached} paths with 2xx; "
                f"nothing wrong; {time.monotonic() - begun:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
