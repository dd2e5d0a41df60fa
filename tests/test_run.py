"""The script that a newcomer types first."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "run", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert all(f"./run {command}" in done.stdout for command in ("demo", "up", "test", "check"))


def test_an_unknown_command_is_refused() -> None:
    done = run("dmeo")
    assert done.returncode != 0
    assert "got dmeo" in done.stderr


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ('case "$*" in *version_info*) exit 1;; *) echo Python 3.9.2;; esac', "got Python 3.9.2"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
    ],
)
def test_what_is_missing_is_named_with_its_package(python: str, expected: str, tmp_path: Path) -> None:
    fake = tmp_path / "python3"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    done = run("up", PYTHON=str(fake))
    assert done.returncode != 0
    assert expected in done.stderr


def test_no_python_at_all_is_said() -> None:
    done = run("up", PYTHON="no-such-python")
    assert done.returncode != 0
    assert "found no no-such-python" in done.stderr


def test_the_constraints_are_names_and_versions_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert len(set(names)) == len(names)
    for pin in pins:
        name, equals, version = pin.partition("==")
        assert name
        assert equals
        assert version.replace(".", "").replace("post", "").isalnum()
        assert "+" not in version
    assert {"torch", "fastapi", "sdmetrics", "pytest", "ruff", "mypy"} <= set(names)
    assert not any("://" in line for line in lines)
