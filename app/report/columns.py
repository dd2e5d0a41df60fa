"""How columns were read, in words: the same on the command line and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_plain(column: Mapping[str, Any]) -> bool:
    """Whether there is nothing to say about the column but its kind."""
    told = any(column.get(key) for key in ("form", "missing", "doubt")) or column.get("role", "feature") != "feature"
    return not told and column["kind"] != "identifier"


def summary(column: Mapping[str, Any]) -> str:
    """What a column is, what becomes of it and why, in a line."""
    form = column.get("form") or {}
    kind, role = str(column["kind"]), str(column.get("role", "feature"))
    said = kind if role == "feature" else f"{kind}, {role}"
    if kind == "identifier":
        of = form.get("of", "code")
        said += {"code": ": fresh codes", "text": ": a placeholder"}.get(of, f": fresh values of kind {of}")
        if form.get("refers_to"):
            said += f", those of {form['refers_to']}"
    if column.get("missing"):
        said += f"; missing: {', '.join(repr(marker) for marker in column['missing'])}"
    reason, doubt = column.get("reason"), column.get("doubt")
    return said + (f" - {reason}" if reason else "") + (f" ({doubt})" if doubt else "")
