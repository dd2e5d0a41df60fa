"""Data sets through the pages: upload, correction, reading anew, erasure, and everything that can go wrong."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx2
import pytest

from app.db import transaction
from app.orm import DatasetRow, ReleaseRow
from app.states import JobState, ReleaseState
from tests.app.conftest import UPLOAD_LIMIT
from tests.app.pages.test_pages import browser, token_in
from tests.app.report.reader import Reader
from tests.support.forms import fields_of, send
from tests.support.jobs import wait_for
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

ROWS = [f"P{i // 2:04d};{20 + i % 50};{'FM'[i % 2]};{10_000 + i * 37 % 9_000};<b>x</b>\u202e {i}" for i in range(120)]
TABLE = "\n".join(["person;age;sex;zip;<i>remark</i>", *ROWS]).encode()
HOSTILE = "<img src=x>\u202e\u200b.csv"


def upload(client: httpx2.Client, content: bytes = TABLE, filename: str = "people.csv", **said: str) -> httpx2.Response:
    fields = fields_of(client.get("/datasets/new").text, "/datasets/new")
    return client.post("/datasets/new", data={**fields, **said}, files={"file": (filename, content)})


def uploaded(client: httpx2.Client, **said: str) -> str:
    answer = upload(client, **said)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def kinds_of(web: Web, path: str) -> dict[str, tuple[str, str]]:
    with transaction(web.backend.engine) as session:
        row = session.get_one(DatasetRow, path.rpartition("/")[2])
        return {column["name"]: (column["kind"], column["role"]) for column in row.table_schema}


def test_an_upload_shows_its_first_records_and_why_each_column_is_what_it_is(web: Web) -> None:
    with browser(web, web.admin) as client:
        path = uploaded(client, name=HOSTILE)
        html = client.get(path).text
        page = Reader(html)
        assert page.unbalanced == []
        assert page.named("img") == page.named("b") == page.named("i") == []
        assert "<b>x</b>\ufffd 3" in page.text
        assert "\u202e" not in html
        assert "\u200b" not in html
        assert "its values repeat" in page.text
        assert "--kind" not in page.text
        assert "choose the kind" in page.text
        assert web.scratch_is_empty()


@pytest.mark.parametrize(
    ("said", "content", "status", "beside"),
    [
        ({"header_rows": "99"}, TABLE, 422, "header_rows"),
        ({"skip_footer": "many"}, TABLE, 422, "skip_footer"),
        ({"name": "a\x00b"}, TABLE, 422, "name"),
        ({}, b"", 422, ""),
        ({}, b"x" * (UPLOAD_LIMIT + 1), 413, ""),
    ],
)
def test_what_is_wrong_with_an_upload_is_said_and_what_was_typed_stays(
    web: Web, said: dict[str, str], content: bytes, status: int, beside: str
) -> None:
    before = web.stored_files()
    with browser(web, web.admin) as client:
        answer = upload(client, content, **{"name": "My <name>", "delimiter": "semicolon", **said})
        assert answer.status_code == status
        assert 'role="alert"' in answer.text
        if beside:
            assert f'id="{beside}-fault"' in answer.text
        kept = fields_of(answer.text, "/datasets/new")
        assert kept["delimiter"] == "semicolon"
        assert kept["name"] == said.get("name", "My <name>")
    assert web.stored_files() == before
    assert web.scratch_is_empty()


def test_an_upload_that_breaks_off_leaves_nothing(web: Web) -> None:
    before = web.stored_files()
    with browser(web, web.admin) as client:
        cookie = client.cookies["lookalike_session"]
        csrf = token_in(client.get("/datasets").text, "csrf")
    port = int(web.url.rpartition(":")[2])
    begin = (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{csrf}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na;b\r\n1;2\r\n'
    ).encode()
    head = (
        f"POST /datasets/new HTTP/1.1\r\nHost: x\r\nCookie: lookalike_session={cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head + begin)
        wait_for("the upload has begun", lambda: not web.scratch_is_empty())
    wait_for("nothing is left", web.scratch_is_empty)
    assert web.stored_files() == before


def test_an_upload_from_elsewhere_or_without_the_scope_is_not_taken(web: Web) -> None:
    before = web.stored_files()
    with browser(web, web.admin) as client, browser(web, web.reader) as reader:
        assert client.post("/datasets/new", data={"csrf": "x"}, files={"file": ("a.csv", TABLE)}).status_code == 403
        assert client.post("/datasets/new", files={"file": ("a.csv", TABLE)}).status_code == 403
        assert reader.get("/datasets/new").status_code == 403
        csrf = token_in(reader.get("/datasets").text, "csrf")
        assert reader.post("/datasets/new", data={"csrf": csrf}, files={"file": ("a.csv", TABLE)}).status_code == 403
    assert web.stored_files() == before


def test_a_session_that_ended_asks_for_the_file_once_more(web: Web) -> None:
    with browser(web) as client:
        answer = client.post("/datasets/new", data={"csrf": "x"}, files={"file": ("a.csv", TABLE)})
        assert answer.status_code == 401
        assert "choose the file once more" in answer.text
        assert token_in(answer.text, "then") == "/datasets/new"
        answer = client.post("/datasets/new", data={"csrf": "x"}, headers={"HX-Request": "true"})
        assert answer.headers["hx-redirect"].startswith("/sign-in")


def stored(web: Web, folder: Path) -> str:
    return f"/datasets/{add_dataset(web, folder).id}"


def test_columns_are_corrected_and_only_those_that_changed(web: Web, tmp_path: Path) -> None:
    path = stored(web, tmp_path)
    with browser(web, web.admin) as client:
        before = kinds_of(web, path)
        answer = send(client, f"{path}/schema", kind__2="numerical", role__1="target")
        assert answer.status_code == 303, answer.text
        after = kinds_of(web, path)
        assert after["code"] == ("numerical", "feature")
        assert after["city"] == ("categorical", "target")
        assert {name for name in before if before[name] != after[name]} == {"city", "code"}


def test_what_a_column_cannot_be_is_said_beside_it_and_nothing_is_lost(web: Web, tmp_path: Path) -> None:
    path = stored(web, tmp_path)
    with browser(web, web.admin) as client:
        before = kinds_of(web, path)
        answer = send(client, f"{path}/schema", kind__1="numerical", kind__2="identifier", missing__0="-1\n-2")
        assert answer.status_code == 422
        assert 'id="kind.1-fault"' in answer.text
        kept = fields_of(answer.text, f"{path}/schema")
        assert (kept["kind.1"], kept["kind.2"], kept["missing.0"]) == ("numerical", "identifier", "-1\n-2")
        assert kinds_of(web, path) == before


def test_more_than_can_be_said_of_a_column_is_said_beside_it(web: Web, tmp_path: Path) -> None:
    path = stored(web, tmp_path)
    with browser(web, web.admin) as client:
        answer = send(client, f"{path}/schema", missing__0="y" * 100, kind__3="datetime", pattern__3="%d" * 40)
        assert answer.status_code == 422
        assert 'id="missing.0-fault"' in answer.text
        answer = send(client, f"{path}/schema", kind__1="datetime", pattern__1="%d" * 40)
        assert 'id="kind.1-fault"' in answer.text
        assert "^(" not in answer.text


def test_two_tabs_that_change_a_schema_do_not_undo_one_another(web: Web, tmp_path: Path) -> None:
    path = stored(web, tmp_path)
    with browser(web, web.admin) as client:
        old = fields_of(client.get(f"{path}/schema").text, f"{path}/schema")
        assert send(client, f"{path}/schema", kind__2="numerical").status_code == 303
        late = client.post(f"{path}/schema", data={**old, "role.1": "target"})
        assert late.status_code == 409
        assert "somebody changed this schema" in late.text
        assert kinds_of(web, path)["city"][1] == "feature"
        again = fields_of(late.text, f"{path}/schema")
        assert (again["role.1"], again["kind.2"]) == ("target", "numerical")
        assert client.post(f"{path}/schema", data=again).status_code == 303
        assert kinds_of(web, path)["city"] == ("categorical", "target")
        assert kinds_of(web, path)["code"] == ("numerical", "feature")


def test_a_file_is_read_anew_in_another_way(web: Web) -> None:
    with browser(web, web.admin) as client:
        path = uploaded(client)
        wrong = send(client, f"{path}/reading", skip_footer="200", encoding="utf-16")
        assert wrong.status_code == 422
        assert fields_of(wrong.text, f"{path}/reading")["encoding"] == "utf-16"
        assert 'id="skip_footer-fault"' in wrong.text
        assert send(client, f"{path}/reading", skip_footer="20", delimiter="semicolon").status_code == 303
        assert "Data set of 100 records" in client.get(path).text
        again = fields_of(client.get(f"{path}/reading").text, f"{path}/reading")
        assert (again["skip_footer"], again["delimiter"]) == ("20", "semicolon")


def test_once_a_job_was_sent_the_pages_say_why_nothing_can_be_corrected(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    add_job(web, dataset, JobState.FINISHED)
    path = f"/datasets/{dataset.id}"
    with browser(web, web.admin) as client:
        assert "they stay as they are" in client.get(path).text
        assert send(client, f"{path}/schema", kind__2="identifier").status_code == 409
        assert send(client, f"{path}/reading", skip_footer="1").status_code == 409


def test_erasure_says_what_it_reaches_and_wants_the_name(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset)
    out = add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset)
    path = f"/datasets/{dataset.id}/delete"
    with browser(web, web.admin) as client:
        text = Reader(client.get(path).text).text
        assert "2 models" in text
        assert "1 release that waits for a decision" in text
        assert "1 synthetic table that was released" in text
        assert waiting.id in text
        refused = send(client, path, name="peple")
        assert refused.status_code == 422
        assert 'id="name-fault"' in refused.text
        assert fields_of(refused.text, path)["name"] == "peple"
        assert client.get(f"/datasets/{dataset.id}").status_code == 200
        assert send(client, path, name=" people ").headers["location"] == "/datasets"
        assert client.get(f"/datasets/{dataset.id}").status_code == 404
        assert client.get(f"/releases/{out.id}/data.csv").status_code == 200
    with transaction(web.backend.engine) as session:
        assert session.get_one(ReleaseRow, waiting.id).state == "rejected"


def test_nothing_is_deleted_while_a_job_works_on_it(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    job = add_job(web, dataset, JobState.RUNNING)
    path = f"/datasets/{dataset.id}/delete"
    with browser(web, web.admin) as client:
        page = client.get(path).text
        assert job.id in page
        assert 'name="name"' not in page
        csrf = token_in(page, "csrf")
        assert client.post(path, data={"csrf": csrf, "name": "people"}).status_code == 409
        assert client.get(f"/datasets/{dataset.id}").status_code == 200


def test_another_tenant_finds_nothing_and_changes_nothing(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    path = f"/datasets/{dataset.id}"
    with browser(web, web.stranger) as client:
        assert dataset.id not in client.get("/datasets").text + client.get("/").text
        csrf = token_in(client.get("/datasets").text, "csrf")
        for part in ("", "/schema", "/reading", "/retention", "/delete"):
            assert client.get(f"{path}{part}").status_code == 404
            if part:
                form = {"csrf": csrf, "name": "people", "kind.0": "categorical", "skip_footer": "1"}
                assert client.post(f"{path}{part}", data=form).status_code == 404
        assert client.get(f"/jobs/new?dataset={dataset.id}").status_code == 404
        assert client.post("/jobs/new", data={"csrf": csrf, "dataset": dataset.id}).status_code == 404
    with browser(web, web.reader) as client:
        assert client.get(path).status_code == 200
        assert "Bergen" not in client.get(path).text
        for part in ("/schema", "/reading", "/retention", "/delete"):
            assert client.get(f"{path}{part}").status_code == 403


def test_a_table_of_many_columns_has_pages_of_them(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    wide = [{"name": f"c{place}", "kind": "categorical", "role": "feature"} for place in range(450)]
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, dataset.id).table_schema = wide
    path = f"/datasets/{dataset.id}"
    with browser(web, web.admin) as client:
        assert ">c399<" in client.get(f"{path}?start=200").text
        assert ">c449<" in client.get(f"{path}?start=99999").text
        assert client.get(f"{path}?start=x").status_code == 422
        fields = fields_of(client.get(f"{path}/schema?start=400").text, f"{path}/schema")
        assert "kind.449" in fields
        assert "kind.399" not in fields
