"""The table of regulators' criteria: what was measured and what was not, and never that a criterion is met."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.report.audit_model import FindingPart
from app.report.criteria import ALL, CRITERIA, NOTHING, criteria_part
from app.report.model import VerdictPart
from app.report.page import render
from privacy.wording import FORBIDDEN
from tests.app.report.reader import Reader
from tests.privacy.test_policy import result
from tests.support.reports import LEAK, document

SOURCES = ("EDPB", "WP216", "ICO", "ISO/IEC 27559", "HIPAA", "NIST SP 800-226")


def rows(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in report["criteria"]}


def test_each_regulator_is_there_with_recipient_test_and_what_is_open() -> None:
    found = rows(document())
    assert all(any(row["source"].startswith(source) for row in found.values()) for source in SOURCES)
    for row in found.values():
        assert row["perspective"].startswith("People inside the organisation that holds the data.")
        assert row["test"]
        assert row["measured"]
        assert row["not_covered"]


def test_no_row_says_that_a_criterion_is_met() -> None:
    for report in (document(), document(result(**{"linkability.k1": LEAK}))):
        said = " ".join(" ".join(map(str, row.values())) for row in report["criteria"]).lower()
        assert not re.search(r"\b(met|complies|compliant|compliance|satisf\w+|fulfil\w*|passed|passes)\b", said)
        assert not [word for word in FORBIDDEN if re.search(rf"\b{word}\b", said)]


def test_evidence_is_what_this_very_document_has() -> None:
    report = document()
    keys = {finding["key"] for finding in report["findings"]}
    for row in report["criteria"]:
        assert set(row["evidence"]) <= keys
    assert rows(report)["edpb_linkage"]["evidence"] == ["linkability.k1"]
    assert "0.020" in rows(report)["edpb_linkage"]["measured"]


def test_a_criterion_without_evidence_says_so() -> None:
    row = rows(document(result(drop=("linkability.k1",))))["wp216_linkability"]
    assert row["evidence"] == []
    assert row["measured"].endswith(NOTHING)
    assert "Without a figure here: linkability." in row["not_covered"]


def test_a_leak_is_told_in_each_row_that_it_speaks_to() -> None:
    found = rows(document(result(**{"linkability.k1": LEAK})))
    for key in ("edpb_linkage", "wp216_linkability", "hipaa_expert", "ico_motivated_intruder"):
        assert "Farthest beyond: Linkability: k = 1, 0.200 (95 % interval 0.150 to 0.250)" in found[key]["measured"]


def test_a_figure_beyond_its_limit_that_is_too_coarse_to_decide_is_told() -> None:
    report = document(result(**{"linkability.k1": LEAK}))
    findings = [FindingPart.model_validate({**each, "decides": False}) for each in report["findings"]]
    told = {row.key: row.measured for row in criteria_part(findings, VerdictPart.model_validate(report["verdict"]))}
    assert "Of those that are too coarse to decide, 1 reaches beyond the limit. Farthest" in told["edpb_linkage"]


@pytest.mark.parametrize(("sizes", "verdict"), [({"train": 900, "holdout": 20}, "INSUFFICIENT")])
def test_where_nothing_can_be_told_the_row_begins_with_that(sizes: dict[str, int], verdict: str) -> None:
    for key, row in rows(document(result(sizes=sizes))).items():
        assert row["measured"].startswith(f"The verdict on this table is {verdict}: "), key


def test_differential_privacy_is_never_read_from_attacks() -> None:
    row = rows(document())["nist_800_226"]
    assert row["evidence"] == []
    assert row["measured"].startswith("No differential privacy")


def test_each_attack_speaks_to_some_criterion() -> None:
    checks = {"proximity", "drift", "overlap", "seen", "comparability", "artefacts", "white_box"}
    attacks = {finding["attack"] for finding in document()["findings"]} - checks
    assert attacks <= set(ALL)
    assert len({row.key for row in CRITERIA}) == len(CRITERIA)


def test_the_page_has_the_table_for_documents_that_lack_it() -> None:
    report = document()
    told = Reader(render(report)).text
    assert all(row["criterion"] in told for row in report["criteria"])
    assert Reader(render({**report, "criteria": []})).text == told
