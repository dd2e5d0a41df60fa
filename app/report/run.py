"""Renders a report in a process of its own: drawing and typesetting take memory and time that a web server has not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import app
from app.errors import NotAcceptableError, ServiceError
from app.report.audience import NO_REPORT, Audience, Kind

SECONDS = 60.0
FORMAT = "lookalike.report/1"
OTHER = "expected a report of the format that this version renders, got one of another: read it as JSON"


class RenditionError(ServiceError):
    """The report could not be rendered."""

    code = "rendition_failed"
    title = "The report could not be rendered"


def rendered(raw: bytes, audience: Audience, kind: Kind, *, cache: Path, seconds: float = SECONDS) -> bytes:
    """What `app.report.rendition.rendition` gives, from a child process that is killed after so many seconds.

    `cache` is a folder that stays, for the list of fonts. Blocks: call it from a worker thread. Raises
    NotAcceptableError where the document is of another version, and RenditionError where there is no result.
    """
    if not _is_ours(raw):
        raise NotAcceptableError(OTHER)
    request = json.dumps({"parent": os.getpid(), "audience": audience, "kind": kind}).encode() + b"\n"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lookalike-report-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "app.report.child"],
                input=request + raw,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries quote what they cannot render
                cwd=folder,
                env=_environment(Path(folder), cache),
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RenditionError(
                f"expected a report that is rendered within {seconds:g} seconds, got one that takes longer: "
                "read it as JSON"
            ) from None
    if done.returncode == NO_REPORT:
        raise NotAcceptableError(OTHER)
    if done.returncode != 0:
        raise RenditionError(f"the process that renders reports ended without a result (status {done.returncode})")
    return done.stdout


def _is_ours(raw: bytes) -> bool:
    """Whether it is worth a process."""
    try:
        document = json.loads(raw)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("format") == FORMAT


def _environment(folder: Path, cache: Path) -> dict[str, str]:
    """What the child needs and no more: no secret of the service goes along."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MPLCONFIGDIR": str(cache),
        "PYTHONPATH": str(Path(app.__file__).resolve().parents[1]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "2",
    }
