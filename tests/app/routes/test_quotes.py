"""Before a job is sent, its user is told what it will take and what will be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.intake.readers import Readers
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset
from tests.support.web import Web


def test_a_quote_is_made_by_a_trial_and_sends_nothing(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path, rows=200)
    with web.client() as client:
        asked = {"dataset_id": dataset.id, "generator": {"max_steps": 50}}
        answer = client.post("/v1/jobs/quote", json=asked, timeout=250)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert client.get("/v1/jobs").json()["items"] == []
        read = client.get("/v1/audit?limit=200").json()["items"]
    assert (found["records"], found["steps"]) == (120, 50)
    assert 0 < found["minutes"] <= web.settings.training_minutes
    assert found["memory_mib"] > 100
    by_name = {column["name"]: column for column in found["columns"]}
    assert by_name["city"]["becomes"] == "3 categories"
    assert by_name["id"]["codes"] == 0
    assert found["rules"] == []
    assert found["codes"] == sum(column["codes"] for column in found["columns"])
    assert any(e["kind"] == "dataset.read" and e["details"]["facts"]["purpose"] == "quote" for e in read)
    assert web.scratch_is_empty()


def test_what_no_job_could_be_has_no_quote(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    with web.client() as client:
        is_problem(client.post("/v1/jobs/quote", json={"dataset_id": dataset.id, "target": "nothing"}), 422)
        is_problem(client.post("/v1/jobs/quote", json={"dataset_id": dataset.id, "policy": "nothing"}), 422)
        unread = client.post("/v1/jobs/quote", json={"dataset_id": dataset.id, "without_rules": ["low <="]})
        assert "without_rules: rule 1" in is_problem(unread, 422)["detail"]
        is_problem(client.post("/v1/jobs/quote", json={"dataset_id": "dataset_0"}), 404)
        is_problem(client.post("/v1/jobs/quote", json={"dataset_id": dataset.id, "roles": {"city": "target"}}), 422)


def test_the_trial_is_of_the_rules_and_the_objective_of_the_job(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[dict] = []

    def ask(_readers: Readers, _module: str, request: dict, *_others: object) -> dict:
        tried.append(request)
        return {"error": {"detail": "not tried here"}}

    monkeypatch.setattr("app.intake.readers.Readers.ask", ask)
    dataset = add_dataset(web, tmp_path)
    asked = {"rules": ["age >= 0"], "find_rules": False, "broken_rules": "leave_out"}
    asked |= {"without_rules": ["age <= 90"]}
    with web.client() as client:
        body = {"dataset_id": dataset.id, "generator": {"objective": "ctgan"}, **asked}
        is_problem(client.post("/v1/jobs/quote", json=body), 422)
    assert tried[0]["rules"] == {
        "declared": ["age >= 0"],
        "find": False,
        "without": ["age <= 90"],
        "leave_out": True,
    }
    assert tried[0]["config"]["objective"] == "ctgan"
