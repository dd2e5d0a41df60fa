"""Jobs and models through the pages: sent, followed, cancelled, tried again, compared, and what can go wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.db import transaction
from app.orm import DatasetRow, JobRow, WebSessionRow, now
from app.pages.options import conditions
from app.states import JobState, ReleaseState
from app.wire import Column
from app.wire_quotes import ColumnQuote, Quote, RuleQuote
from tests.app.pages.test_pages import browser, token_in
from tests.app.report.reader import Reader
from tests.support.forms import fields_of, send
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

FORM = "/jobs/new"


def training(points: int) -> tuple[tuple[str, dict], ...]:
    """The events of a training, with its losses, and every third time its errors."""
    found = []
    for place in range(points):
        figures = {"step": 50 * place, "steps": 4000, "tables": 2 / (1 + place), "critic": 1 / (1 + place)}
        if place % 3 == 0:
            figures |= {"one_way_error": 0.3 / (1 + place), "two_way_error": 0.5 / (1 + place)}
        message = f"training, step {50 * place} of 4,000"
        found.append(("progress", {"stage": "train", "fraction": 0.1, "message": message, "figures": figures}))
    return tuple(found)


def options_of(web: Web, path: str) -> dict:
    with transaction(web.backend.engine) as session:
        return dict(session.get_one(JobRow, path.rpartition("/")[2]).options)


def jobs_of(web: Web, dataset_id: str) -> int:
    with transaction(web.backend.engine) as session:
        found = select(func.count()).select_from(JobRow).where(JobRow.dataset_id == dataset_id)
        return session.scalar(found) or 0


def set_job(web: Web, job: JobRow, **values: object) -> None:
    with transaction(web.backend.engine) as session:
        session.execute(update(JobRow).where(JobRow.id == job.id).values(**values))


def end_sessions(web: Web) -> None:
    with transaction(web.backend.engine) as session:
        session.execute(update(WebSessionRow).values(expires_at=now() - timedelta(seconds=1)))


ASKED = {
    "rows": "1,500",
    "seed": "7",
    "policy": "partner",
    "conditions": "age = 30 .. 60\ncity = Oslo\njoined = 1970-01-02 ..",
    "target": "1",
    "secret.0": "1",
    "source": "city\ncode",
    "max_minutes": "2.5",
}


def test_a_job_is_sent_as_the_form_says_and_sent_again_as_it_was(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={dataset.id}").text, FORM) | ASKED
        sent = [client.post(FORM, data=fields) for _ in range(2)]
        assert [each.status_code for each in sent] == [303, 303], sent[0].text
        path = sent[0].headers["location"]
        assert sent[1].headers["location"] == path
        assert jobs_of(web, dataset.id) == 1
        options = options_of(web, path)
        assert options["conditions"] == {
            "age": {"from": 30, "to": 60},
            "city": "Oslo",
            "joined": {"from": "1970-01-02"},
        }
        assert (options["rows"], options["seed"], options["target"]) == (1500, 7, "city")
        assert (options["secrets"], options["source"]) == (["age"], ["city", "code"])
        assert options["generator"]["max_minutes"] == 2.5
        text = Reader(client.get(path).text).text
        assert "Waits for a worker" in text
        assert "30 .. 60" in text
        assert "minutes of training, at most 2.5" in " ".join(text.split())
        again = fields_of(client.get(f"{FORM}?like={path.rpartition('/')[2]}").text, FORM)
        assert again | ASKED | {"rows": "1500"} == again
        assert client.post(FORM, data=again).headers["location"] != path
        assert jobs_of(web, dataset.id) == 2


def test_a_job_that_is_tried_again_keeps_every_option(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    said = {
        "rules": "age >= 0\njoined >= 1970-01-01",
        "find_rules": "false",
        "broken_rules": "leave_out",
        "objective": "ctgan",
        "priority": "low",
        "shadow_models": "off",
        "conditions": 'city = ["Oslo", "Bergen"]\nage = {"missing": false}',
        "mix": "code=1:0.25,2:0.75",
    }
    with browser(web, web.admin) as client:
        sent = send(client, f"{FORM}?dataset={dataset.id}", **said)
        assert sent.status_code == 303, sent.text
        path = sent.headers["location"]
        options = options_of(web, path)
        assert options["rules"] == ["age >= 0", "joined >= 1970-01-01"]
        assert (options["find_rules"], options["broken_rules"]) == (False, "leave_out")
        assert options["conditions"] == {"city": ["Oslo", "Bergen"], "age": {"missing": False}}
        assert options["mix"] == ["code=1:0.25,2:0.75"]
        again = fields_of(client.get(f"{FORM}?like={path.rpartition('/')[2]}").text, FORM)
        assert again | said == again
        second = client.post(FORM, data=again).headers["location"]
        assert options_of(web, second) == options
        wrong = client.post(FORM, data=again | {"rules": "age >= nothing", "once": "other"})
    assert wrong.status_code == 422
    assert 'id="rules-fault"' in wrong.text


def test_each_fault_stands_beside_its_field_and_nothing_typed_is_lost(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    wrong = {"rows": "many", "seed": "-1", "conditions": "nobody = 3", "max_steps": "0", "source": "<b>city</b>"}
    with browser(web, web.admin) as client:
        answer = send(client, f"{FORM}?dataset={dataset.id}", **wrong)
        assert answer.status_code == 422
        for name in ("rows", "seed", "conditions", "generator"):
            assert f'id="{name}-fault"' in answer.text, name
        assert fields_of(answer.text, FORM) | wrong == fields_of(answer.text, FORM)
        assert jobs_of(web, dataset.id) == 0


@pytest.mark.parametrize(
    ("wrong", "beside", "said"),
    [
        ({"conditions": "city = 3 .. 4"}, "conditions", "a category"),
        ({"conditions": "age = 3\nage = 4"}, "conditions", "Line 2"),
        ({"conditions": "id = p1"}, "conditions", "got an identifier"),
        ({"conditions": "age = .."}, "conditions", "Line 1"),
        ({"conditions": "age = 900 .."}, "conditions", "10 people or more"),
        ({"conditions": "age = Oslo"}, "conditions", "range of numbers"),
        ({"source": "nobody"}, "source", "got 1 others"),
        ({"person": "3"}, "person", "datetime"),
        ({"target": "4"}, "target", "identifier"),
        ({"target": "5"}, "target", "got another one"),
        ({"rows": "999999999"}, "rows", "got more"),
        ({"rows": "ten"}, "rows", "a whole number"),
        ({"rows": "0"}, "rows", "a number greater than"),
        ({"tolerance": "few"}, "tolerance", "a number, such as 0.5"),
        ({"ask": "mean(age)\nmean(nobody)"}, "ask", "Question 2, mean"),
        ({"ask": "median(age)"}, "ask", "Question 1: expected mean(x)"),
        ({"policy": "nonsense"}, "policy", "internal, partner, public"),
        ({"policy": "public"}, "policy", "got a key of nobody's account"),
    ],
)
def test_what_the_service_refuses_is_said_beside_the_field(
    web: Web, tmp_path: Path, wrong: dict[str, str], beside: str, said: str
) -> None:
    dataset = add_dataset(web, tmp_path)
    with browser(web, web.admin) as client:
        answer = send(client, f"{FORM}?dataset={dataset.id}", **wrong)
        assert answer.status_code == 422
        assert f'id="{beside}-fault"' in answer.text, answer.text
        assert said in Reader(answer.text).text
        assert "--where" not in answer.text
    assert jobs_of(web, dataset.id) == 0


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_and_starts_nothing(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={dataset.id}").text, FORM)
        typed = {"conditions": 'city = "><b>Oslo\u202e\nage = 3', "rows": "12", "secret.2": "1"}
        end_sessions(web)
        ended = client.post(FORM, data=fields | typed)
        assert ended.status_code == 401
        back = client.post("/sign-in", data=fields_of(ended.text, "/sign-in") | {"key": web.admin.token})
        assert "You are signed in again" in back.text
        shown = client.post(FORM, data=fields_of(back.text, FORM))
        assert shown.status_code == 200
        assert fields_of(shown.text, FORM) | typed == fields_of(shown.text, FORM)
        assert Reader(shown.text).named("b") == []
        assert jobs_of(web, dataset.id) == 0


def test_what_was_kept_is_nothing_but_fields(web: Web) -> None:
    for kept in ("[1", "[]", '{"csrf": "x", "a": 1, "<b>": "<i>"}'):
        with browser(web) as client:
            fields = fields_of(client.get("/sign-in?then=/jobs/new").text, "/sign-in")
            page = client.post("/sign-in", data=fields | {"key": web.admin.token, "kept": kept})
            assert page.status_code == 200
            assert set(fields_of(page.text, FORM)) <= {"csrf", "look", "<b>"}
            assert Reader(page.text).named("i") == []


def test_a_running_job_shows_stages_and_curves_and_asks_again_until_it_is_over(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING, events=training(40))
    set_job(web, job, stage="train", fraction=0.41)
    path, part = f"/jobs/{job.id}", {"HX-Request": "true"}
    with browser(web, web.reader) as client:
        answer = client.get(path)
        page = Reader(answer.text)
        assert page.unbalanced == []
        assert 'hx-get="' + path in answer.text
        assert '<noscript><meta http-equiv="refresh" content="8"></noscript>' in answer.text
        assert "Training, step 1950 of 4,000" in page.text
        assert len([a for a in page.named("svg") if a.get("role") == "img"]) == 2
        assert page.text.count("to come") == 5
        assert "Cancel" not in page.text
        assert "refresh" not in client.get(f"{path}?pause=true").text
        live = client.get(path, headers=part)
        assert live.status_code == 200
        assert "<html" not in live.text
        detail = "column <b>age</b>: expected numbers"
        set_job(web, job, state="failed", error={"code": "bad_table", "detail": detail})
        over = client.get(path, headers=part)
        assert over.status_code == 286
        assert "Column <b>age" in Reader(over.text).text
        assert "stopped" in over.text


def test_pages_with_scripts_load_them_from_the_service_alone(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.QUEUED)
    with browser(web, web.admin) as client:
        for path in ("/datasets/new", f"/jobs/{job.id}"):
            answer = client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            page = Reader(answer.text)
            assert [each["src"] for each in page.named("script")] == ["/assets/htmx.min.js", "/assets/pages.js"]
            assert not any(name.startswith("on") for _, given in page.tags for name in given)
            assert "style" not in {name for _, given in page.tags for name in given}
            for script in page.named("script"):
                assert client.get(str(script["src"])).headers["content-type"].startswith("text/javascript")
        for path in ("/", "/datasets", "/jobs", "/models", f"/jobs/{job.id}/cancel"):
            assert "script-src" not in client.get(path).headers["content-security-policy"]


def test_a_job_is_cancelled_after_a_second_question(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    with browser(web, web.admin) as client, browser(web, web.reader) as reader:
        path = send(client, f"{FORM}?dataset={dataset.id}").headers["location"]
        assert reader.get(f"{path}/cancel").status_code == 403
        csrf = token_in(reader.get("/jobs").text, "csrf")
        assert reader.post(f"{path}/cancel", data={"csrf": csrf}).status_code == 403
        assert client.post(f"{path}/cancel", data={"csrf": "x"}).status_code == 403
        assert send(client, f"{path}/cancel", look="1").status_code == 200
        assert "waits for a worker" in client.get(path).text.lower()
        assert send(client, f"{path}/cancel").headers["location"] == path
        page = client.get(path).text
        assert "Somebody cancelled it" in page
        assert f"{FORM}?like=" in page


def test_a_job_that_has_finished_cannot_be_cancelled_and_leads_to_its_release(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, verdict="PASS")
    path = f"/jobs/{release.job_id}"
    with browser(web, web.admin) as client:
        assert f"/releases/{release.id}" in client.get(path).text
        refused = send(client, f"{path}/cancel")
        assert refused.status_code == 409
        assert "problem" not in refused.headers["content-type"]


def test_two_jobs_stand_side_by_side(web: Web, tmp_path: Path) -> None:
    first = add_release(web, tmp_path, ReleaseState.RELEASED, verdict="PASS")
    second = add_job(web, add_dataset(web, tmp_path), JobState.FAILED)
    with browser(web, web.reader) as client:
        page = Reader(client.get(f"/jobs/compare?job={first.job_id}&job={second.id}").text).text
        assert "PASS" in page
        assert "none yet" in page
        for wrong in ("", f"?job={second.id}", f"?job={second.id}&job={second.id}"):
            answer = client.get(f"/jobs/compare{wrong}")
            assert answer.status_code == 422
            assert "Choose two jobs" in answer.text
    with browser(web, web.stranger) as client:
        assert client.get(f"/jobs/compare?job={first.job_id}&job={second.id}").status_code == 404


def test_more_records_are_drawn_from_a_model(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    path = f"/models/{release.model_id}/samples"
    with browser(web, web.admin) as client:
        assert path in client.get("/models").text
        assert 'id="conditions-fault"' in send(client, path, conditions="city = Rome").text
        sent = send(client, path, rows="50", conditions="city = Oslo", seed="3")
        assert sent.status_code == 303, sent.text
        options = options_of(web, sent.headers["location"])
        assert (options["rows"], options["conditions"], options["seed"]) == (50, {"city": "Oslo"}, 3)
        job = sent.headers["location"].rpartition("/")[2]
        assert fields_of(client.get(f"{path}?like={job}").text, path)["rows"] == "50"
    with browser(web, web.stranger) as client:
        assert client.get(path).status_code == 404
        assert client.post(path, data={"csrf": token_in(client.get("/").text, "csrf")}).status_code == 404
    with browser(web, web.reader) as client:
        assert client.get(path).status_code == 403


def test_another_tenant_sees_no_job_and_no_model(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    path = f"/jobs/{release.job_id}"
    with browser(web, web.stranger) as client:
        csrf = token_in(client.get("/").text, "csrf")
        for page in ("/", "/jobs", "/models", "/datasets"):
            text = client.get(page).text
            assert not any(each in text for each in (release.job_id, release.model_id, release.dataset_id))
        assert client.get(path).status_code == 404
        assert client.get(path, headers={"HX-Request": "true"}).status_code == 404
        assert client.get(f"{path}/cancel").status_code == 404
        assert client.post(f"{path}/cancel", data={"csrf": csrf}).status_code == 404
        assert client.get(f"{FORM}?like={release.job_id}").status_code == 404


def test_the_first_page_says_what_waits_for_whom(web: Web, tmp_path: Path) -> None:
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    unused = add_dataset(web, tmp_path)
    failed = add_job(web, add_dataset(web, tmp_path), JobState.FAILED)
    running = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, unused.id).name = "<b>new</b>"
    with browser(web, web.admin) as client:
        html = client.get("/").text
        for part in (f"/releases/{waiting.id}", f"/datasets/{unused.id}", f"/jobs/{failed.id}", f"/jobs/{running.id}"):
            assert f'href="{part}"' in html
        assert "<b>new" not in html
        assert client.get("/jobs?state=running").text.count("/jobs/job_") == 1
        assert client.get("/jobs?state=nonsense").status_code == 422


def test_an_address_that_is_none_is_a_page_for_a_browser_and_a_problem_for_a_program(web: Web) -> None:
    with browser(web, web.reader) as client:
        page = client.get("/nothing", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert "Not found" in Reader(page.text).text
        for path, accept in (("/nothing", "*/*"), ("/v1/nothing", "text/html")):
            problem = client.get(path, headers={"Accept": accept})
            assert problem.status_code == 404
            assert problem.json()["code"] == "not_found"


def test_a_form_that_is_forged_does_nothing_on_any_page(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    fresh = add_dataset(web, tmp_path)
    paths = [f"/datasets/{fresh.id}/{part}" for part in ("schema", "reading", "delete")]
    paths += [FORM, f"/models/{release.model_id}/samples", f"/jobs/{release.job_id}/cancel"]
    with browser(web, web.admin) as client, browser(web, web.admin) as other:
        foreign = token_in(other.get("/").text, "csrf")
        for path in paths:
            for csrf in ("", "x", foreign):
                form = {"csrf": csrf, "name": "people", "dataset": fresh.id, "kind.2": "numerical"}
                assert client.post(path, data=form).status_code == 403, path
        assert client.get(f"/datasets/{fresh.id}").status_code == 200
    assert jobs_of(web, fresh.id) == 0


def test_a_condition_need_not_repeat_spaces_around_a_name() -> None:
    columns = [Column(name=" city ", kind="categorical"), Column(name="city", kind="categorical")]
    assert conditions("city = Oslo", columns[:1]) == {" city ": "Oslo"}
    assert conditions("city = Oslo", columns) == {"city": "Oslo"}


def test_the_form_tells_what_the_job_will_take_and_keeps_what_was_typed(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = ColumnQuote(name="<b>city</b>", becomes="3 categories", loses=["1 of 4 categories"], codes=3)
    quote = Quote(
        records=114,
        columns=[column],
        rules=[
            RuleQuote(rule="net <= total", origin="found", share=1.0, why=""),
            RuleQuote(rule="bill = earlier", origin="often", share=0.141, why=""),
            RuleQuote(rule="paid <= total", origin="proposed", share=0.995, why="kept by 99.5 % of people"),
        ],
        codes=3,
        steps=60,
        minutes=2.0,
        minutes_without_limit=7.5,
        memory_mib=1_234,
    )
    monkeypatch.setattr("app.services.quotes.quote", lambda *_: quote)  # the trial itself: tests/app/routes/test_quotes
    dataset = add_dataset(web, tmp_path, rows=200)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={dataset.id}").text, FORM)
        shown = client.post(FORM, data=fields | {"max_steps": "60", "quote": "1"})
    assert shown.status_code == 200
    assert "<b>city" not in shown.text
    text = " ".join(Reader(shown.text).text.split())
    for said in ("about 2.0 minutes", "7.5 without it", "1,234 MiB", "3 categories", "1 of 4 categories"):
        assert said in text
    for said in ("leave out net <= total : true of all people, or all but a few", "true of 14.1 % of people"):
        assert said in text
    assert "Not kept unless you write it above: paid <= total" in text
    assert fields_of(shown.text, FORM)["max_steps"] == "60"
    assert jobs_of(web, dataset.id) == 0


def test_rules_that_were_found_are_switched_off_on_the_form(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path, rows=200)
    with browser(web, web.admin) as client:
        fields = fields_of(client.get(f"{FORM}?dataset={dataset.id}").text, FORM)
        off = {"without.0": "code <= age", "without.3": "age = code"}
        unknown = '"<b>a</b>" = age'
        again = client.post(FORM, data=fields | off | {"without.1": unknown})
        assert again.status_code == 422
        assert "<b>a" not in again.text
        shown = fields_of(again.text, FORM)
        assert [value for name, value in shown.items() if name.startswith("without.")] == [*off.values(), unknown]
        sent = client.post(FORM, data=fields | off)
        assert sent.status_code == 303
        assert options_of(web, sent.headers["location"])["without_rules"] == [*off.values()]
        like = sent.headers["location"].rpartition("/")[2]
        filled = fields_of(client.get(f"{FORM}?like={like}").text, FORM)
    assert [value for name, value in filled.items() if name.startswith("without.")] == [*off.values()]
