"""Reads back an audit that was written as JSON, so that a policy can judge it later, or judge it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privacy.audit import AuditResult
from privacy.calibration import Trial
from privacy.errors import AuditInputError
from privacy.finding import Finding, FindingStatus
from privacy.plants import Plant


def read_audit(document: Mapping[str, Any]) -> AuditResult:
    """The audit that `AuditResult.to_json` wrote. Raises AuditInputError where the document is another."""
    try:
        return AuditResult(
            findings=tuple(_finding(entry) for entry in document["findings"]),
            calibration=tuple(_trial(entry) for entry in document["calibration"]),
            sizes={str(name): int(size) for name, size in document["sizes"].items()},
            battery_version=str(document["battery_version"]),
            together=None if document.get("together") is None else read_audit(document["together"]),
            not_attacked=int(document.get("not_attacked", 0)),
            coverage={str(name): tuple(map(str, seen)) for name, seen in document.get("coverage", {}).items()},
            in_part=int(document.get("in_part", 0)),
            in_shares={str(name): int(size) for name, size in document.get("in_shares", {}).items()},
            notes=tuple(map(str, document.get("notes", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AuditInputError(f"expected an audit as JSON, got another document ({type(error).__name__})") from error


def _finding(entry: Mapping[str, Any]) -> Finding:
    return Finding(**{**entry, "status": FindingStatus(entry["status"])})


def _trial(entry: Mapping[str, Any]) -> Trial:
    return Trial(**{**entry, "plant": Plant(entry["plant"])})
