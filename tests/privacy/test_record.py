"""An audit survives being written down: a policy judges the record as it judges the audit itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from privacy.audit import AuditResult
from privacy.calibration import Trial
from privacy.errors import AuditInputError
from privacy.finding import Finding, FindingStatus
from privacy.plants import Plant
from privacy.policy import decide, load_policy, policies
from privacy.record import read_audit


def result(*, auc: float) -> AuditResult:
    found = Finding(
        attack="membership",
        statistic="plain_k1_auc",
        value=auc,
        baseline=0.5,
        lower=auc - 0.01,
        upper=auc + 0.01,
        n=5000,
    )
    crashed = Finding(attack="vulnerable", statistic="crashed", status=FindingStatus.FAILED, note="why")
    trial = Trial(key=found.key, plant=Plant.COPY, caught=True, value=1.0, lower=0.99, upper=1.0)
    return AuditResult(findings=(found, crashed), calibration=(trial,), sizes={"train": 5000, "holdout": 5000})


@pytest.mark.parametrize("auc", [0.5, 0.9])
@pytest.mark.parametrize("name", policies())
def test_the_record_gets_the_verdict_that_the_audit_gets(auc, name):
    audit = result(auc=auc)
    read = read_audit(json.loads(json.dumps(audit.to_json())))
    assert read == audit
    assert decide(read, load_policy(name)) == decide(audit, load_policy(name))


@pytest.mark.parametrize("named", [True, False])
def test_the_record_keeps_what_the_sender_of_the_job_named(named):
    audit = result(auc=0.5)
    audit = replace(audit, findings=tuple(replace(f, named=named) for f in audit.findings))
    audit = replace(audit, together=audit)
    read = read_audit(json.loads(json.dumps(audit.to_json())))
    assert read.together is not None
    assert [f.named for f in (*read.findings, *read.together.findings)] == [named] * 4


def test_the_record_keeps_which_attacks_looked_at_which_column():
    audit = replace(result(auc=0.5), coverage={"email": ("personal.shared_values",), "iban": ()})
    document = json.loads(json.dumps(audit.to_json()))
    assert read_audit(document) == audit
    assert any("iban" in reason for reason in decide(read_audit(document), load_policy("public")).reasons)
    del document["coverage"]
    assert read_audit(document).coverage == {}


@pytest.mark.parametrize("break_it", ["findings", "calibration", "sizes", "battery_version"])
def test_a_record_with_a_part_missing_is_refused(break_it):
    document = result(auc=0.5).to_json()
    del document[break_it]
    with pytest.raises(AuditInputError):
        read_audit(document)


def test_an_unknown_status_is_not_taken_for_a_measurement():
    document = json.loads(json.dumps(result(auc=0.5).to_json()))
    document["findings"][0]["status"] = "fine"
    with pytest.raises(AuditInputError):
        read_audit(document)
