"""The document: complete, of the published schema, and never a zero or a blank where nothing was measured."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from app.report.document import SCHEMA_FILE, build, schema, schema_text
from app.report.model import Report
from app.report.page import render
from privacy.errors import AuditInputError
from privacy.policy import load_policy
from tests.app.report.samples import measured


def test_a_document_is_valid_against_the_published_schema(document: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema(), json.loads(json.dumps(document, allow_nan=False)))


def test_the_schema_refuses_a_document_without_a_verdict(document: dict[str, Any]) -> None:
    broken = {name: part for name, part in document.items() if name != "verdict"}
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema(), broken)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "write app.report.document.schema_text() to it"


def test_a_document_reads_back_as_it_was(document: dict[str, Any]) -> None:
    assert Report.model_validate(json.loads(json.dumps(document))).model_dump(mode="json") == document


def test_the_same_parts_give_the_same_document(document: dict[str, Any]) -> None:
    assert build(**measured()) == document


def test_every_finding_is_there_with_its_limit_and_its_plant(document: dict[str, Any]) -> None:
    parts = measured()
    findings = {finding["key"]: finding for finding in document["findings"]}
    assert list(findings) == [f"{f['attack']}.{f['statistic']}" for f in parts["audit"]["findings"]]
    auc = findings["membership.plain_k1_auc"]
    limit = next(limit for limit in load_policy("internal").limits if limit.gate == "G2 AUC")
    assert (auc["limit"], auc["block_limit"]) == (limit.pass_below, limit.block_above)
    assert auc["control"]["state"] == "caught"
    assert {trial["plant"] for trial in auc["trials"]} >= {"copied_2_percent", "copied_10_percent"}
    assert findings["proximity.dcr_share"]["limit"] is None
    assert not findings["proximity.dcr_share"]["gating"]


def test_a_finding_that_was_not_measured_has_a_reason_and_no_number(document: dict[str, Any]) -> None:
    absent = [finding for finding in document["findings"] if finding["status"] == "not_applicable"]
    assert absent
    for finding in absent:
        assert finding["figure"]["value"] is None
        assert len(finding["figure"]["reason"]) > 10
        assert finding["minimum_detectable"]["value"] is None


def test_the_file_the_draws_and_the_model_have_a_verdict_each(document: dict[str, Any]) -> None:
    modes = {mode["mode"]: mode for mode in document["verdict"]["modes"]}
    assert list(modes) == ["file", "sampling", "model"]
    assert modes["file"]["verdict"] == document["verdict"]["verdict"]
    assert modes["model"]["verdict"] != "PASS"
    assert all(mode["title"] and mode["reasons"] for mode in modes.values())


def test_a_decision_from_before_there_were_modes_still_makes_a_report() -> None:
    parts = measured()
    del parts["decision"]["modes"]
    assert build(**parts)["verdict"]["modes"] == []


def test_scores_stand_beside_the_floor(document: dict[str, Any]) -> None:
    raw = measured()["fidelity"]["scores"]
    scores = {score["key"]: score for score in document["fidelity"]["scores"]}
    assert scores["shapes"]["synthetic"]["value"] == raw["shapes"]
    assert scores["shapes"]["floor"]["value"] == raw["shapes_floor"]
    assert scores["diagnostic"]["floor"]["reason"]
    assert document["fidelity"]["sdmetrics_version"] == raw["sdmetrics_version"]


def test_scores_say_over_which_pairs_they_are(document: dict[str, Any]) -> None:
    scores = {score["key"]: score for score in document["fidelity"]["scores"]}
    assert scores["quality"]["title"] == "Quality over all pairs (SDMetrics)"
    assert scores["trends"]["title"] == "Column Pair Trends over all pairs (SDMetrics)"
    parts = measured()
    parts["fidelity"]["scores"] |= {"trend_columns": 32, "columns": 40}
    wide = {score["key"]: score for score in build(**parts)["fidelity"]["scores"]}
    assert "32 of the 40 columns" in wide["quality"]["explanation"]
    assert "32 of the 40" not in wide["shapes"]["explanation"]


def test_the_smallest_planted_leak_that_would_have_been_stopped_is_given(document: dict[str, Any]) -> None:
    findings = {finding["key"]: finding for finding in document["findings"]}
    copied = findings["replay.copied_share"]
    assert (copied["gate"], copied["decides"]) == ("G1 synthetic", False)
    assert copied["smallest_share_stopped"] == ""  # too coarse here, so it stops nothing
    decides = findings["linkability.k1"]
    assert decides["decides"]
    assert decides["smallest_share_stopped"]
    assert all(finding["decides"] for finding in findings.values() if finding["smallest_share_stopped"])
    assert findings["drift.auc"]["smallest_share_stopped"] == ""


def test_parts_that_do_not_apply_keep_their_reason() -> None:
    parts = measured()
    reason = "There is a reason for this one"
    parts["fidelity"] |= {
        name: {"not_applicable": f"{reason}."} for name in ("scores", "pairs", "detection", "utility")
    }
    fidelity = build(**parts)["fidelity"]
    assert {score["synthetic"]["reason"] for score in fidelity["scores"]} == {reason}
    assert fidelity["trends"] is None
    assert fidelity["trends_reason"] == reason
    assert reason in fidelity["utility_note"]


def test_a_missing_point_of_the_training_curve_is_left_out_and_not_zero(document: dict[str, Any]) -> None:
    curve = document["training"]["metrics"][0]
    assert (curve["name"], curve["steps"]) == ("error of pairs of columns", [40, 60])


def test_the_protocol_names_every_hash_and_the_split(document: dict[str, Any]) -> None:
    protocol = document["protocol"]
    assert {h["name"]: h["value"] for h in protocol["hashes"]} == {
        "upload": "c" * 64,
        "model": "a" * 64,
        "csv": "b" * 64,
    }
    assert {fact["name"]: fact["value"] for fact in protocol["split"]} == {"seed": "7", "sha256": "d" * 64}
    assert protocol["options"]["seed"] == 7


def test_the_report_says_what_looked_at_each_column() -> None:
    parts = measured()
    seen = {"age": ["membership", "replay"], "mail": ["personal.shared_patterns", "personal.shared_values"], "note": []}
    parts["audit"]["coverage"] = seen
    document = build(**parts)
    assert {fact["name"]: fact["value"] for fact in document["coverage"]} == {
        "age": "2 attacks on records",
        "mail": "look-up of e-mails, telephones and codes; look-up of identifiers, names and rare text",
        "note": "no attack",
    }
    assert "look-up of e-mails, telephones and codes" in render(document)


def test_limits_of_a_policy_that_has_changed_since_are_not_shown() -> None:
    parts = measured()
    parts["decision"]["policy_version"] = "0.0.1"
    document = build(**parts)
    assert all(finding["limit"] is None for finding in document["findings"])
    assert any("limits are not shown" in note for note in document["audit_notes"])


def test_a_decision_without_reasons_makes_no_report() -> None:
    parts = measured()
    parts["decision"]["reasons"] = []
    with pytest.raises(ValidationError):
        build(**parts)


def test_an_unknown_verdict_makes_no_report() -> None:
    parts = measured()
    parts["decision"]["verdict"] = "FINE"
    with pytest.raises(ValidationError):
        build(**parts)


def test_a_broken_audit_makes_no_report() -> None:
    parts = measured()
    parts["audit"] = {"findings": [{"attack": "replay"}]}
    with pytest.raises(AuditInputError):
        build(**parts)


def test_a_leak_is_blocked_and_says_so() -> None:
    verdict = build(**measured(leak=True))["verdict"]
    assert verdict["verdict"] == "BLOCK"
    assert "Nobody can approve it" in verdict["next_step"]
    assert verdict["statement"].startswith("At least one attack in this battery exceeded its limit")
