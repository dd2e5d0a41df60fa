"""Uses through the pages: sent by a form that loses nothing, followed, and got."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import create_key
from app.jobs import ledger
from app.states import Scope
from app.task import Note
from tests.app.pages.test_pages import browser
from tests.app.report.reader import Reader
from tests.app.routes.test_uses import ARCHIVE, asked_of, finished, things
from tests.support.forms import fields_of
from tests.support.web import Web

FORM = "/uses/new"


def test_a_use_is_sent_as_the_form_says_and_what_is_wrong_stands_beside_its_field(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={ids['dataset_id']}&model={ids['model_id']}").text, FORM)
        assert fields["dataset_id"] == ids["dataset_id"]
        wrong = client.post(FORM, data=fields | {"use": "change", "conditions": "town = Oslo"})
        assert wrong.status_code == 422
        kept = fields_of(wrong.text, FORM)
        assert (kept["use"], kept["conditions"].strip(), kept["model_id"]) == ("change", "town = Oslo", ids["model_id"])
        assert 'id="conditions-fault"' in wrong.text
        sent = client.post(FORM, data=kept | {"conditions": "city = Oslo\nage = 30 .. 70", "priority": "low"})
        assert sent.status_code == 303, sent.text
        path = sent.headers["location"]
        text = " ".join(Reader(client.get(path).text).text.split())
        assert "use of records" in text
        assert "30 .. 70" in text
        again = fields_of(client.get(f"{FORM}?like={path.rpartition('/')[2]}").text, FORM)
        assert (again["use"], again["dataset_id"]) == ("change", ids["dataset_id"])
        assert again["conditions"].strip().splitlines() == ["city = Oslo", "age = 30 .. 70"]
        assert (fields["priority"], again["priority"]) == ("normal", "low")
        assert client.get("/jobs").status_code == 200


def test_the_rules_of_an_imputation_are_sent_kept_and_filled_in_again(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    typed = {
        "use": "impute",
        "target": "city",
        "rules": "age >= 0\njoined >= 1970-01-01",
        "find_rules": "false",
        "without_rules": "unique(age, city)",
        "broken_rules": "leave_out",
    }
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={ids['holed']}").text, FORM)
        assert (fields["find_rules"], fields["broken_rules"]) == ("true", "mend")
        wrong = client.post(FORM, data=fields | typed | {"rules": "age >= nothing"})
        assert wrong.status_code == 422
        assert 'id="rules-fault"' in wrong.text
        kept = fields_of(wrong.text, FORM)
        assert kept["rules"].strip() == "age >= nothing"
        sent = client.post(FORM, data=kept | {"rules": typed["rules"]})
        assert sent.status_code == 303, sent.text
        job_id = sent.headers["location"].rpartition("/")[2]
        again = fields_of(client.get(f"{FORM}?like={job_id}").text, FORM)
        assert {name: again[name].strip() for name in typed} == typed
        other = client.post(FORM, data=fields | {"use": "odd", "model_id": ids["model_id"], "rules": "age >= 0"})
        assert 'id="rules-fault"' in other.text, "no rule is dropped without a word"
    with web.client() as client:
        options = client.get(f"/v1/jobs/{job_id}").json()["options"]
    assert options["rules"] == typed["rules"].splitlines()
    assert options["without_rules"] == [typed["without_rules"]]
    assert (options["target"], options["find_rules"], options["broken_rules"]) == ("city", False, "leave_out")


@pytest.mark.parametrize(
    ("name", "value"), [("model_id", ""), ("model_id", "model_gone"), ("dataset_id", "gone"), ("release_id", "gone")]
)
def test_what_names_nothing_is_said_beside_its_field_and_nothing_typed_is_lost(
    web: Web, tmp_path: Path, name: str, value: str
) -> None:
    ids = things(web, tmp_path)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={ids['dataset_id']}&model={ids['model_id']}").text, FORM)
        typed = {"use": "change", "conditions": "city = Oslo", "seed": "7", name: value}
        wrong = client.post(FORM, data=fields | typed)
        assert wrong.status_code == 422
        kept = fields_of(wrong.text, FORM)
        assert (kept["use"], kept["conditions"].strip(), kept["seed"]) == ("change", "city = Oslo", "7")
        assert f'id="{name}-fault"' in wrong.text
        assert 'id="conditions-fault"' not in wrong.text


def test_the_page_of_a_finished_use_leads_to_its_tables_and_says_what_they_are(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    real = finished(web, ids, {"use": "adapt", "dataset_id": ..., "like": ...})
    part = finished(web, ids, {"use": "coreset", "release_id": ..., "rows": 9})
    with browser(web, web.admin) as client:
        assert "Real data" in client.get(f"/jobs/{real}").text
        assert client.get(f"/jobs/{real}/result").content == ARCHIVE
        assert f"/releases/{ids['release_id']}" in client.get(f"/jobs/{part}").text
        assert f"{FORM}?release={ids['release_id']}" in client.get(f"/releases/{ids['release_id']}").text
    sender = create_key(web.backend.engine, web.admin.tenant_id, [Scope.READ, Scope.WRITE])
    with browser(web, sender) as client:
        shown = client.get(f"/jobs/{real}").text
        assert "takes the scope real_data" in shown
        assert f"/jobs/{real}/result" not in shown
        refused = client.get(f"/jobs/{real}/result")
        assert refused.status_code == 403
        assert "This takes the scope real_data, and you have read, write" in refused.text
    with browser(web, web.reader) as client:
        assert client.get(FORM).status_code == 403
        assert client.get(f"/jobs/{real}/result").status_code == 403
        assert f"/jobs/{part}/result" in client.get(f"/jobs/{part}").text
        assert client.get(f"/jobs/{part}/result").content == ARCHIVE


def test_a_note_of_a_use_stands_on_the_page_of_its_job_once(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    with browser(web, web.reader) as client, web.client() as sender:
        asked = asked_of(ids, {"use": "odd", "dataset_id": ..., "model_id": ...})
        job_id = sender.post("/v1/uses", json=asked).json()["id"]
        for _ in range(2):  # a worker died, and another one took over
            task = ledger.begin_stage(web.backend.engine, job_id, "use")
            assert task is not None
            assert ledger.heard(web.backend.engine, task, Note(text="The model redraws 1 of 3 columns"))
        text = " ".join(Reader(client.get(f"/jobs/{job_id}").text).text.split())
        assert text.count("Note: The model redraws 1 of 3 columns") == 1
