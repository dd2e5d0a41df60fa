"""Questions of a job: kept with it, and refused when it is sent where its table could not answer them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.states import ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web

ASK = [
    "mean(age) by city within 0.5",
    'share("code"=3.0)',
    "quantile(age, .9)",
    "corr(age, city=Oslo)",
    "regression(age ~ city=Oslo + code=1) within 10%",
    "mean(joined) within 3",
]
CSV = b"age,town\n" + b"".join(b"%d,%s\n" % (20 + i % 50, (b"Oslo", b"Bergen")[i % 2]) for i in range(120))


@pytest.fixture
def dataset(web: Web, tmp_path: Path) -> str:
    return add_dataset(web, tmp_path).id


def test_questions_are_kept_with_the_job_as_they_were_asked(web_on_both: Web, tmp_path: Path) -> None:
    release = add_release(web_on_both, tmp_path, ReleaseState.RELEASED)
    asked = {"ask": ASK, "tolerance": 0.1}
    with web_on_both.client() as client:
        for path, body in (
            ("/v1/jobs", {"dataset_id": release.dataset_id, **asked}),
            (f"/v1/models/{release.model_id}/samples", asked),
        ):
            answer = client.post(path, json=body)
            assert answer.status_code == 202, answer.text
            assert {name: answer.json()["options"][name] for name in asked} == asked
            assert client.get(answer.headers["location"]).json()["options"]["ask"] == ASK
        left_out = client.post("/v1/jobs", json={"dataset_id": release.dataset_id}).json()["options"]
        assert (left_out["ask"], left_out["tolerance"]) == ([], 0.05)


def test_questions_come_with_an_upload_in_the_query_and_in_the_part(web: Web) -> None:
    asked = {"ask": ["mean(age) by town", "share(town=Oslo)"], "tolerance": 0.1}
    with web.client() as client:
        sent = [
            client.post("/v1/synthesize", content=CSV, params=asked),
            client.post("/v1/synthesize", files={"file": ("t.csv", CSV), "options": (None, json.dumps(asked))}),
        ]
        for answer in sent:
            assert answer.status_code == 202, answer.text
            assert {name: answer.json()["options"][name] for name in asked} == asked
        datasets = len(client.get("/v1/datasets").json()["items"])
        refused = client.post("/v1/synthesize", content=CSV, params={"ask": "mean(salary)"})
        assert "ask 1, mean" in is_problem(refused, 422)["detail"]
        assert len(client.get("/v1/datasets").json()["items"]) == datasets


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (["mean(age)", "maximum(age)"], "ask 2: expected mean(x), share(x=a), quantile(x, .9)"),
        (["mean(age)", "mean(Zaphod)"], "ask 2, mean: expected names of the 5 columns"),
        (["mean(city)"], "ask 1, mean: expected a numerical column, got the categorical 'city'"),
        (["mean(age) by id"], "got the identifier 'id'"),
        (["quantile(age, 1)"], "ask 1: expected a quantile from 0.05 to 0.95"),
        (["mean(joined)"], "say within how many days"),
        (
            ["mean(age)", "share(city=Zaphod)"],
            "ask 2, share: expected a value that 20 people or more have in column 'c",
        ),
        (["regression(age ~ city=oslo)"], "in column 'city', got another one"),
        (["share(age=20)"], "in column 'age', got another one"),
        (["share(age=1000)"], "in column 'age', got another one"),
        (["mean(age)"] * 21, "at most 20"),
    ],
)
def test_a_question_that_the_table_cannot_answer_is_refused_and_named(
    web: Web, dataset: str, ask: list[str], expected: str
) -> None:
    with web.client() as client:
        answer = client.post("/v1/jobs", json={"dataset_id": dataset, "ask": ask})
        assert expected in json.dumps(is_problem(answer, 422)).replace('\\"', '"')
        assert "Zaphod" not in answer.text
        assert dataset not in {job["dataset_id"] for job in client.get("/v1/jobs").json()["items"]}


def test_it_is_not_told_whether_anybody_has_a_value_that_few_have(web: Web, dataset: str) -> None:
    with web.client() as client:
        details = {
            is_problem(client.post("/v1/jobs", json={"dataset_id": dataset, "ask": [f"share(age={age})"]}), 422)[
                "detail"
            ]
            for age in (20, 79, 80, 20.5, -1)
        }
    assert len(details) == 1


def test_records_of_one_person_are_one_person(web: Web) -> None:
    """100 records have the flag, of 15 people."""
    few = b"who,flag\n" + b"".join(
        b"p%d,%s\n" % (i % 15 if i % 2 else 100 + i, (b"no", b"yes")[i % 2]) for i in range(200)
    )
    with web.client() as client:
        query = {"person": "who", "ask": "share(flag=yes)"}
        answer = client.post("/v1/synthesize", content=few, params=query)
        assert "20 people or more have in column 'flag'" in is_problem(answer, 422)["detail"]
        assert client.post("/v1/synthesize", content=few, params={**query, "ask": "share(flag=no)"}).status_code == 202


@pytest.mark.parametrize("tolerance", [0, -1, 1.5, "much", None])
def test_a_tolerance_is_a_number_up_to_one(web: Web, dataset: str, tolerance: object) -> None:
    with web.client() as client:
        answer = client.post("/v1/jobs", json={"dataset_id": dataset, "tolerance": tolerance})
        assert [error["field"] for error in is_problem(answer, 422)["errors"]] == ["body.tolerance"]
