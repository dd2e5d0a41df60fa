"""The report for whoever receives the synthetic file: nothing in it discloses the real rows.

Every field of the document has a rule in `app.report.share_fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.report.audit_model import FindingPart
from app.report.criteria import criteria_part
from app.report.model import Report, VerdictPart
from app.report.rules import About
from app.report.share_fields import DOCUMENT

Json = Mapping[str, Any]


class ShareError(ValueError):
    """A document of which no shareable one can be made."""


def shareable(document: Json) -> dict[str, Any]:
    """A document of the same format whose audience is `shareable`.

    Counts below 20 are not in it, nor is what would give them away; figures have two significant digits, more only
    where two would change what a limit says; columns have no ends; no row, file, split, seed or person is named.
    Raises ShareError where the document is no report, or lacks what a report cannot do without.
    """
    try:
        report = Report.model_validate(document).model_dump(mode="json")
    except ValidationError:
        raise ShareError("expected a report of the format lookalike.report/1, got another document") from None
    if report["audience"] == "shareable":
        return report
    people, measured = _people(report), report["fidelity"]["records"]
    fewest = None if people is None or measured is None else min(people, measured)
    kept = DOCUMENT(report, About(people=people, fewest=fewest))
    findings = [FindingPart.model_validate(each) for each in kept["findings"]]
    rows = criteria_part(findings, VerdictPart.model_validate(kept["verdict"]))
    kept["criteria"] = [row.model_dump(mode="json") for row in rows]
    try:
        return Report.model_validate(kept).model_dump(mode="json")
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        raise ShareError(f"expected a rule for each field that a report needs, found none for: {fields}") from None


def _people(report: Json) -> int | None:
    """The fewest records that the shares can rest on. Where a person may have several, people are not known by bin."""
    roles = {column["value"].rpartition(", ")[2] for column in report["protocol"]["columns"]}
    if report["protocol"]["options"].get("person") is not None or "person" in roles:
        return None
    sizes = {fact["name"]: fact["value"].replace(",", "") for fact in report["protocol"]["sizes"]}
    train, learnt = sizes.get("train, records", ""), report["training"]["records"]
    known = [int(train)] if train.isdecimal() else []
    known += [] if learnt is None else [learnt]
    known += [] if report["mix"] is None or report["mix"]["train"] is None else [report["mix"]["train"]]
    return min(known, default=None)
