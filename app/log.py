"""The log: one JSON object a line, with the request or the job that it is about, and never a word of an exception.

What an exception says may quote a cell of a table; its kind and its place are enough to find it.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

REQUEST: ContextVar[str] = ContextVar("request", default="")
JOB: ContextVar[str] = ContextVar("job", default="")
FIELDS = "fields"
"""The attribute of a record whose members stand beside the message."""
FRAMES = 6
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def request_id() -> str:
    """The id of the request that is served, or nothing."""
    return REQUEST.get()


def accepted_request_id(sent: str) -> str:
    """The id that came with a request, or a fresh one where none came or it is not one: letters, digits, . _ -"""
    return sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(12)


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"request": REQUEST.get()} if REQUEST.get() else {}),
            **({"job": JOB.get()} if JOB.get() else {}),
            **getattr(record, FIELDS, {}),
            **_of_exception(record),
        }
        return json.dumps(line, ensure_ascii=True, default=str)


class PlainLines(logging.Formatter):
    """A record as a line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        more = {**getattr(record, FIELDS, {}), **_of_exception(record)}
        said = " ".join([record.getMessage(), *(f"{name}={value}" for name, value in more.items())])
        about = REQUEST.get() or JOB.get()
        # a line break in what came must not begin a line of its own
        return f"{record.levelname}: {said}{f' [{about}]' if about else ''}".replace("\r", "\\r").replace("\n", "\\n")


def configure(form: Literal["auto", "json", "text"]) -> None:
    """Write the log of this process to standard error, in this form; `auto` is text on a terminal, JSON elsewhere."""
    plain = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if plain else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("lookalike", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    engine = logging.getLogger("dbos")
    engine.handlers[:], engine.propagate = [handler], False  # it gives itself a handler of its own otherwise


@contextmanager
def about_job(job_id: str) -> Iterator[None]:
    """What is logged in the block is about this job."""
    token = JOB.set(job_id)
    try:
        yield
    finally:
        JOB.reset(token)


def _of_exception(record: logging.LogRecord) -> dict[str, str]:
    """The kind of the exception and the places that it passed, innermost first."""
    kind, _, trace = record.exc_info or (None, None, None)
    if kind is None:
        return {}
    frames = reversed(traceback.extract_tb(trace)[-FRAMES:])
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}:{f.name}" for f in frames)
    return {"error": kind.__name__, "where": where}
