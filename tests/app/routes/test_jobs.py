"""Jobs: refused where they cannot work, followed as they go, cancelled."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from app import split
from app.db import transaction
from app.jobs import ledger
from app.orm import JobEventRow, JobRow
from app.parts import MIN_PEOPLE
from app.services.conditions import FEWEST_OF_CONDITION
from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web


@pytest.fixture
def dataset(web: Web, tmp_path: Path) -> str:
    return add_dataset(web, tmp_path, rows=300).id


def test_a_job_is_accepted_and_found(web_on_both: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web_on_both, tmp_path, rows=300).id
    with web_on_both.client() as client:
        body = {"dataset_id": dataset, "rows": 10, "conditions": {"city": "Oslo", "code": "3"}, "seed": 7}
        answer = client.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        assert (job["state"], job["kind"], job["dataset_id"]) == ("queued", "synthesize", dataset)
        assert client.get(answer.headers["location"]).json() == job
        assert client.get("/v1/jobs").json()["items"][0] == job
    with transaction(web_on_both.backend.engine) as session:
        assert session.get_one(JobRow, job["id"]).created_by == web_on_both.admin.key_id


RANGES = {
    "age": {"from": 30, "to": 70},
    "joined": {"from": "1970-01-11", "to": "1971-04-01T12:00:00"},
    "code": "3",
}


def test_ranges_are_accepted_and_found_as_they_were_sent(web_on_both: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web_on_both, tmp_path, rows=600).id
    with web_on_both.client() as client:
        for conditions in (RANGES, {"age": {"from": 70.5}}, {"joined": {"to": "1970-03-10"}}):
            answer = client.post("/v1/jobs", json={"dataset_id": dataset, "conditions": conditions})
            assert answer.status_code == 202, answer.text
            assert answer.json()["options"]["conditions"] == conditions
            assert client.get(answer.headers["location"]).json() == answer.json()
            with transaction(web_on_both.backend.engine) as session:
                assert session.get_one(JobRow, answer.json()["id"]).options["conditions"] == conditions


def test_a_category_is_kept_as_the_table_writes_it(web: Web, dataset: str) -> None:
    with web.client() as client:
        answer = client.post("/v1/jobs", json={"dataset_id": dataset, "conditions": {"code": "3.0", "city": "Oslo"}})
        assert answer.status_code == 202, answer.text
        assert answer.json()["options"]["conditions"] == {"code": "3", "city": "Oslo"}


def test_a_job_from_before_there_were_ranges_is_still_shown(web_on_both: Web, tmp_path: Path) -> None:
    job = add_job(web_on_both, add_dataset(web_on_both, tmp_path), JobState.FINISHED)
    with transaction(web_on_both.backend.engine) as session:
        session.get_one(JobRow, job.id).options = {"rows": 5, "conditions": {"city": "Oslo"}, "policy": "internal"}
    with web_on_both.client() as client:
        assert client.get(f"/v1/jobs/{job.id}").json()["options"]["conditions"] == {"city": "Oslo"}


def test_a_refused_range_tells_neither_a_value_nor_whether_anybody_lies_in_it(web: Web, dataset: str) -> None:
    """Ends that are moved until the answer changes would otherwise find the oldest of all people."""
    with web.client() as client:
        details = set()
        for ends in ({"from": 79}, {"from": 80}, {"to": 20.5}, {"to": -1}, {"from": 30.2, "to": 30.8}):
            answer = client.post("/v1/jobs", json={"dataset_id": dataset, "conditions": {"age": ends}})
            details.add(is_problem(answer, 422)["detail"])
        (detail,) = details
        assert "'age'" in detail
        assert {word for word in detail.split() if word.isdigit()} == {str(FEWEST_OF_CONDITION)}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"age": "thirty"}, "got a category; say --where age=30, --within age=30..40, or {"),
        ({"joined": "soon"}, "got a category; say --where joined=2024-01-31"),
        ({"age": "30..40"}, "expected a range of numbers for the numerical column 'age', got a category"),
        ({"age": {"to": "1970-02-01"}}, "expected a range of numbers for the numerical column 'age', got a range of d"),
        ({"joined": {"from": 0}}, "expected a range of dates or datetimes for the datetime column 'joined', got a"),
        ({"city": {"from": 0}}, "expected a category for the categorical column 'city', got a range of numbers"),
        ({"id": {"from": 0}}, "expected columns that are learnt, got an identifier: 'id'"),
        ({"country": {"from": 0}}, "expected names of the 5 columns of the data set, got another one"),
    ],
)
def test_a_condition_of_another_kind_than_its_column_is_named(
    web: Web, dataset: str, conditions: dict, expected: str
) -> None:
    with web.client() as client:
        problem = is_problem(client.post("/v1/jobs", json={"dataset_id": dataset, "conditions": conditions}), 422)
    assert problem["code"] == "invalid_request"
    assert expected in problem["detail"]
    assert "country" not in problem["detail"]


@pytest.mark.parametrize("end", ["NaN", "Infinity", "-Infinity", "1e999", "true", "null", '"Zaphod"'])
def test_an_end_that_is_no_number_and_no_moment_is_refused_by_its_field(web: Web, dataset: str, end: str) -> None:
    body = f'{{"dataset_id": "{dataset}", "conditions": {{"age": {{"from": {end}}}}}}}'
    with web.client() as client:
        answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert [error["field"] for error in is_problem(answer, 422)["errors"]] == ["body.conditions.age.from"]
    assert "Zaphod" not in answer.text


REFUSED = {
    "unknown column": {"conditions": {"country": "Oslo"}},
    "range the wrong way round": {"conditions": {"age": {"from": 40, "to": 30}}},
    "range without an end": {"conditions": {"age": {}}},
    "range of an end that is unknown": {"conditions": {"age": {"least": 30}}},
    "number that few have": {"conditions": {"age": "30.5"}},
    "no number": {"conditions": {"age": "thirty"}},
    "identifier": {"conditions": {"id": "p0001"}},
    "unknown category": {"conditions": {"city": "Paris"}},
    "unknown number as category": {"conditions": {"code": "9"}},
    "category that is no text": {"conditions": {"city": 5}},
    "rows zero": {"rows": 0},
    "rows negative": {"rows": -1},
    "rows 10^12": {"rows": 10**12},
    "rows as text": {"rows": "many"},
    "unknown policy": {"policy": "none"},
    "a policy's path": {"policy": "../policies/internal"},
    "unknown target": {"target": "salary"},
    "target that is not learnt": {"target": "id"},
    "unknown person": {"person": "patient"},
    "target that names the person": {"target": "city", "person": "city"},
    "condition on the person": {"person": "city", "conditions": {"city": "Oslo"}},
    "person with too few people": {"person": "city"},
    "seed": {"seed": 2**64},
    "unknown secret": {"secrets": ["city", "salary"]},
    "secret that is not learnt": {"secrets": ["id"]},
    "secret that names the person": {"person": "city", "secrets": ["city"]},
    "secret named twice": {"secrets": ["city", "city"]},
    "secret that is no list": {"secrets": "city"},
    "unknown column of a source": {"source": ["salary"]},
    "source that holds all": {"source": ["age", "city", "code", "joined"]},
    "source that holds all but the person": {"person": "city", "source": ["age", "code", "joined"]},
    "source that is an identifier": {"source": ["id"]},
    "shadow models": {"shadow_models": "yes"},
    "unknown field": {"epochs": 300},
    "minutes": {"generator": {"max_minutes": 0}},
    "unknown objective": {"generator": {"objective": "wgan"}},
    "no minutes at all": {"generator": {"max_minutes": -1.5}},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_job_that_cannot_work_is_refused_when_it_is_sent(web: Web, dataset: str, name: str) -> None:
    with web.client() as client:
        is_problem(client.post("/v1/jobs", json={"dataset_id": dataset, **REFUSED[name]}), 422)
        assert dataset not in {job["dataset_id"] for job in client.get("/v1/jobs").json()["items"]}


def test_what_the_generator_is_trained_for_is_kept_with_the_job(web: Web, dataset: str) -> None:
    with web.client() as client:
        asked = {"dataset_id": dataset, "generator": {"objective": "ctgan"}}
        assert client.post("/v1/jobs", json=asked).json()["options"]["generator"]["objective"] == "ctgan"
        left_out = client.post("/v1/jobs", json={"dataset_id": dataset}).json()["options"]
        assert left_out["generator"]["objective"] == "tables"


ATTACKED = {"secrets": ["city"], "source": ["age", "code"], "shadow_models": "off"}


def test_what_the_attacks_are_asked_for_is_kept_with_the_job(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        sent = [
            client.post("/v1/jobs", json={"dataset_id": release.dataset_id, **ATTACKED}),
            client.post(f"/v1/models/{release.model_id}/samples", json=ATTACKED),
        ]
        for answer in sent:
            assert answer.status_code == 202, answer.text
            assert {name: answer.json()["options"][name] for name in ATTACKED} == ATTACKED
        left_out = client.post("/v1/jobs", json={"dataset_id": release.dataset_id}).json()["options"]
        assert (left_out["secrets"], left_out["source"], left_out["shadow_models"]) == ([], [], "policy")
        for wrong in ({"secrets": ["salary"]}, {"source": ["id"]}, {"shadow_models": "never"}):
            is_problem(client.post(f"/v1/models/{release.model_id}/samples", json=wrong), 422)


@pytest.mark.parametrize("rows", [1, MIN_PEOPLE - 1])
def test_a_data_set_of_too_few_people_is_refused(web: Web, tmp_path: Path, rows: int) -> None:
    assert MIN_PEOPLE == split.MIN_PEOPLE
    with web.client() as client:
        few = add_dataset(web, tmp_path, rows=rows).id
        assert str(MIN_PEOPLE) in is_problem(client.post("/v1/jobs", json={"dataset_id": few}), 422)["detail"]
        enough = add_dataset(web, tmp_path, rows=MIN_PEOPLE).id
        assert client.post("/v1/jobs", json={"dataset_id": enough}).status_code == 202


def test_a_refusal_names_the_field_and_never_what_came(web: Web, dataset: str) -> None:
    with web.client() as client:
        body = {"dataset_id": dataset, "rows": "Zaphod", "conditions": {"city": {"from": "Beeblebrox"}}}
        answer = client.post("/v1/jobs", json=body)
        problem = is_problem(answer, 422)
        assert {error["field"] for error in problem["errors"]} == {"body.rows", "body.conditions.city.from"}
        assert "Zaphod" not in answer.text
        assert "Beeblebrox" not in answer.text


def test_rules_are_taken_where_people_have_several_records(web: Web, dataset: str) -> None:
    body = {"dataset_id": dataset, "rules": ["joined >= 1970-01-01"], "person": "age"}
    with web.client() as client:
        answer = client.post("/v1/jobs", json=body)
        assert (answer.status_code, answer.json()["options"]["rules"]) == (202, body["rules"])


def test_samples_are_drawn_from_a_model_under_the_same_rules(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        path = f"/v1/models/{release.model_id}/samples"
        answer = client.post(path, json={"rows": 5, "conditions": {"city": "Bergen"}}, headers={"Idempotency-Key": "s"})
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert (job["kind"], job["model_id"], job["options"]["rows"]) == ("sample", release.model_id, 5)
        again = client.post(path, json={"rows": 5, "conditions": {"city": "Bergen"}}, headers={"Idempotency-Key": "s"})
        assert again.json() == job
        ranged = client.post(path, json={"conditions": RANGES})
        assert ranged.status_code == 202, ranged.text
        assert ranged.json()["options"]["conditions"] == RANGES
        wrong_range = {"conditions": {"age": {"from": 1000}}}
        for wrong in ({"rows": 0}, {"rows": 10**12}, {"conditions": {"city": "Paris"}}, wrong_range, {"policy": "x"}):
            is_problem(client.post(path, json=wrong), 422)
        assert client.get(f"/v1/models/{release.model_id}").json()["job_id"] == release.job_id
        assert release.model_id in {model["id"] for model in client.get("/v1/models").json()["items"]}


def test_of_many_requests_with_one_key_one_makes_a_job(web_on_both: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web_on_both, tmp_path).id
    answers = []

    def go() -> None:
        with web_on_both.client() as client:
            answers.append(client.post("/v1/jobs", json={"dataset_id": dataset}, headers={"Idempotency-Key": dataset}))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(made) == 1
    with web_on_both.client() as client:
        assert [job["dataset_id"] for job in client.get("/v1/jobs").json()["items"]].count(dataset) == 1
        other = client.post("/v1/jobs", json={"dataset_id": dataset, "rows": 2}, headers={"Idempotency-Key": dataset})
        is_problem(other, 422)


def events_of(answer) -> list[tuple[int, str, dict]]:
    events = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


HAPPENED = (
    ("stage", {"stage": "train", "message": "training the generator"}),
    ("progress", {"stage": "train", "fraction": 0.3, "stage_fraction": 0.5, "message": "step 5", "figures": {}}),
    ("state", {"state": "finished"}),
)


def test_the_event_stream_tells_all_in_order_and_ends_with_the_job(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.FINISHED, events=HAPPENED)
    with web.client() as client:
        answer = client.get(f"/v1/jobs/{job.id}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer)
        assert [event[1:] for event in events] == [("state", {"state": "queued"}), *HAPPENED]
        assert [event[0] for event in events] == sorted(event[0] for event in events)
        resumed = client.get(f"/v1/jobs/{job.id}/events", headers={"Last-Event-ID": str(events[1][0])})
        assert events_of(resumed) == events[2:]
        after_the_end = client.get(f"/v1/jobs/{job.id}/events", headers={"Last-Event-ID": str(events[-1][0])})
        assert events_of(after_the_end) == []
        is_problem(client.get(f"/v1/jobs/{job.id}/events", headers={"Last-Event-ID": "x"}), 422)


def test_more_events_than_one_page_are_all_told(web: Web, tmp_path: Path) -> None:
    many = tuple(("progress", {"stage": "train", "fraction": i / 1300}) for i in range(1300))
    job = add_job(web, add_dataset(web, tmp_path), JobState.FAILED, events=(*many, ("state", {"state": "failed"})))
    with web.client() as client:
        assert len(events_of(client.get(f"/v1/jobs/{job.id}/events"))) == 1302


def test_events_come_while_the_job_runs(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    with web.client() as client, client.stream("GET", f"/v1/jobs/{job.id}/events") as answer:
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        assert json.loads(next(lines)[6:]) == {"state": "queued"}
        with transaction(web.backend.engine) as session:
            session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job.id, kind="stage", data={"stage": "seal"}))
        assert json.loads(next(lines)[6:]) == {"stage": "seal"}
        ledger.cancel(web.backend.engine, job.id)
        assert json.loads(next(lines)[6:]) == {"state": "cancelled"}
        assert list(lines) == []


def test_listeners_that_go_away_do_not_keep_the_service_busy(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    with web.client() as client:
        for _ in range(60):  # more than the service has threads
            with client.stream("GET", f"/v1/jobs/{job.id}/events") as answer:
                assert next(answer.iter_lines())
        started = time.monotonic()
        assert client.get(f"/v1/jobs/{job.id}").status_code == 200
        assert time.monotonic() - started < 5


def test_a_waiting_job_is_cancelled_once_and_for_all(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    with web.client() as client:
        job = client.post("/v1/jobs", json={"dataset_id": add_dataset(web, tmp_path).id}).json()
        for _ in range(2):
            answer = client.post(f"/v1/jobs/{job['id']}/cancel")
            assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        events = events_of(client.get(f"/v1/jobs/{job['id']}/events"))
        assert [data["state"] for _, kind, data in events if kind == "state"] == ["queued", "cancelled"]
        (read,) = [data for _, kind, data in events if kind == "reading"]
        assert {column["name"] for column in read["columns"]} >= {"age", "city"}
        assert any("INSUFFICIENT" in note and "3,600 people" in note for note in read["notes"])


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.FAILED])
def test_a_job_that_is_over_cannot_be_cancelled(web: Web, tmp_path: Path, state: JobState) -> None:
    job = add_job(web, add_dataset(web, tmp_path), state)
    with web.client() as client:
        is_problem(client.post(f"/v1/jobs/{job.id}/cancel"), 409)


def test_lists_are_read_page_by_page(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    made = [add_job(web, dataset, JobState.FINISHED).id for _ in range(5)]
    with web.client() as client:
        seen, cursor = [], None
        while True:
            page = client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            seen += [job["id"] for job in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen[:5] == made[::-1]
        assert len(seen) == len(set(seen))
        for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "job_x'--"}, {"cursor": "\0"}):
            is_problem(client.get("/v1/jobs", params=wrong), 422)
