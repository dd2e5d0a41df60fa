"""Intake in a process of its own: same results and refusals, and it can be stopped."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.intake import errors
from app.intake.model import IntakeLimits
from app.intake.read import ingest
from app.intake.run import ingest_in_child

LIMITS = IntakeLimits(threads=1)


def upload(folder: Path, rows: int) -> Path:
    source = folder / "upload"
    source.write_text("name,age,town\n" + "".join(f"Xanthippe{i},{i},Troyes\n" for i in range(rows)))
    return source


def test_the_child_gives_what_the_function_gives(readers, tmp_path):
    source = upload(tmp_path, 100)
    here = ingest(source, tmp_path / "here.parquet", filename="a.csv", limits=LIMITS)
    there = ingest_in_child(readers, source, tmp_path / "there.parquet", filename="a.csv", limits=LIMITS)
    assert there == here
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"upload", "here.parquet", "there.parquet"}


def test_a_refusal_in_the_child_is_the_same_typed_error(readers, tmp_path):
    with pytest.raises(errors.TooFewRecordsError, match="expected at least 34 records, got 3"):
        ingest_in_child(readers, upload(tmp_path, 3), tmp_path / "out.parquet", filename=None, limits=LIMITS)
    assert {path.name for path in tmp_path.iterdir()} == {"upload"}


def test_a_defect_in_the_child_says_nothing_of_the_data(readers, tmp_path):
    with pytest.raises(errors.IntakeFailedError, match=r"^reading the table failed \(FileNotFoundError\)$"):
        ingest_in_child(readers, tmp_path / "Xanthippe", tmp_path / "out.parquet", filename=None, limits=LIMITS)


def test_a_child_without_the_memory_it_needs_is_a_refusal(readers, tmp_path):
    limits = IntakeLimits(threads=1, max_child_bytes=150 * 2**20)
    with pytest.raises(errors.TooMuchMemoryError) as caught:
        ingest_in_child(readers, upload(tmp_path, 400_000), tmp_path / "out.parquet", filename=None, limits=limits)
    assert "Xanthippe" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"upload"}


def test_a_child_that_takes_too_long_is_killed(readers, tmp_path):
    with pytest.raises(errors.IntakeTimeoutError):
        ingest_in_child(
            readers, upload(tmp_path, 100), tmp_path / "out.parquet", filename=None, limits=LIMITS, timeout_s=0
        )
    assert {path.name for path in tmp_path.iterdir()} == {"upload"}


def test_a_cancelled_child_is_killed(readers, tmp_path):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(errors.IntakeCancelledError):
        ingest_in_child(
            readers, upload(tmp_path, 100), tmp_path / "out.parquet", filename=None, limits=LIMITS, cancel=cancel
        )
    assert {path.name for path in tmp_path.iterdir()} == {"upload"}


def test_the_service_side_loads_none_of_the_heavy_packages():
    heavy = "{'pyarrow', 'pandas', 'torch', 'numpy'}"
    code = f"import sys, app.intake.run; raise SystemExit(len({heavy} & set(sys.modules)))"
    root = str(Path(__file__).parents[3])
    assert (
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=False).returncode
        == 0
    )
