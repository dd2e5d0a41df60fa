"""Marks on files that hold cells of real records, or tell of them: nobody is to take one for a synthetic release."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CONTENTS = "lookalike.contents"
REAL = "contains cells of your file: real data, for your own use, not a synthetic release"
SCORES = "contains scores of your file's records: personal data where the records are, not a synthetic release"


def companion(path: Path) -> Path:
    """Where the mark of a CSV file stands, which has no room for one itself."""
    return path.with_name(f"{path.name}.contents.json")


def metadata(contents: str) -> dict[bytes, bytes]:
    """The mark in the metadata of a Parquet file."""
    return {CONTENTS.encode(): contents.encode()}


def write_companion(path: Path, contents: str) -> None:
    """Marks a CSV file."""
    text = json.dumps({CONTENTS: contents, "file": path.name}, indent=1)
    companion(path).write_text(f"{text}\n", encoding="utf-8")


def mark_of(path: Path) -> str | None:
    """What the mark of a file says; None where it has none. A mark that cannot be read is one."""
    beside = companion(path)
    if beside.exists():
        try:
            return str(json.loads(beside.read_text(encoding="utf-8"))[CONTENTS])
        except (OSError, ValueError, LookupError, TypeError):
            return REAL
    try:
        held = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None  # no Parquet file
    found = held.get(CONTENTS.encode())
    return None if found is None else found.decode(errors="replace")
