"""A table comes in whole or leaves nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import socket
import time
import zipfile
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from app.db import reading
from app.orm import JobEventRow
from app.routes.uploads import FileQuery, SynthesizeQuery
from app.wire_jobs import GeneratorOptions, JobOptions
from tests.app.conftest import UPLOAD_LIMIT
from tests.support.web import Web

CELL = "Zaphod Beeblebrox"
ROWS = "".join(f"{20 + i % 50},{CELL if i % 2 else 'Arthur Dent'},{i * 1.5}\n" for i in range(120))
CSV = f"age,name,income\n{ROWS}".encode()


def left_behind(web: Web) -> list[str]:
    return [*web.stored_files(), *(p.name for p in web.settings.scratch.glob("upload-*"))]


def wait_until_nothing_is_left(web: Web, before: list[str]) -> None:
    deadline = time.monotonic() + 20
    while left_behind(web) != before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_behind(web) == before


def is_problem(answer, *statuses: int) -> dict:
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert CELL not in answer.text
    return problem


def test_a_raw_body_becomes_a_data_set_with_schema_and_preview(web: Web) -> None:
    with web.client() as client:
        answer = client.post("/v1/datasets", content=CSV, params={"name": "people"})
        assert answer.status_code == 201
        made = answer.json()
        assert answer.headers["location"] == f"/v1/datasets/{made['id']}"
        assert made["sha256"] == hashlib.sha256(CSV).hexdigest()
        assert (made["name"], made["rows"], made["bytes"]) == ("people", 120, len(CSV))
        assert [column["name"] for column in made["columns"]] == ["age", "name", "income"]
        single = client.get(answer.headers["location"]).json()
        assert single == made
        assert single["preview"][0] == ["20", "Arthur Dent", "0.0"]
        listed = client.get("/v1/datasets").json()["items"]
        assert [d["preview"] for d in listed if d["id"] == made["id"]] == [None]
    for key in (web.reader, web.reviewer):
        with web.client(key) as client:
            assert client.get(answer.headers["location"]).json()["preview"] is None, "these are records of real people"
    assert web.scratch_is_empty()


def test_a_multipart_body_with_options_becomes_a_job(web: Web) -> None:
    options = {"rows": 50, "conditions": {"name": CELL}, "target": "age", "generator": {"max_minutes": 1.5}}
    with web.client() as client:
        answer = client.post(
            "/v1/synthesize", files={"file": ("people.csv", CSV), "options": (None, json.dumps(options))}
        )
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        assert {name: job["options"][name] for name in ("rows", "conditions", "target")} == {
            name: options[name] for name in ("rows", "conditions", "target")
        }
        assert job["options"]["generator"]["max_minutes"] == 1.5
        dataset = client.get(f"/v1/datasets/{job['dataset_id']}").json()
        assert (dataset["name"], dataset["sha256"]) == ("people.csv", hashlib.sha256(CSV).hexdigest())


def test_what_the_generator_is_trained_for_may_be_said_in_the_query(web: Web) -> None:
    with web.client() as client:
        answer = client.post("/v1/synthesize", content=CSV, params={"objective": "ctgan", "max_steps": 5})
        assert answer.status_code == 202, answer.text
        generator = answer.json()["options"]["generator"]
        assert (generator["objective"], generator["max_steps"]) == ("ctgan", 5)


def test_all_options_of_a_job_but_those_by_column_may_be_said_in_the_query() -> None:
    by_column = {"conditions", "kinds", "roles", "missing"}
    known = set(JobOptions.model_fields) - by_column - {"generator"} | set(GeneratorOptions.model_fields)
    assert set(SynthesizeQuery.model_fields) - set(FileQuery.model_fields) == known


def test_what_is_to_be_attacked_may_be_said_in_the_query(web: Web) -> None:
    asked = {"secrets": ["name", "income"], "source": ["age"], "shadow_models": "on"}
    with web.client() as client:
        answer = client.post("/v1/synthesize", content=CSV, params=asked)
        assert answer.status_code == 202, answer.text
        assert {name: answer.json()["options"][name] for name in asked} == asked
        is_problem(client.post("/v1/synthesize", content=CSV, params={"secrets": ["salary"]}), 422)


def test_an_upload_repeated_under_its_key_is_one_data_set_and_one_job(web: Web) -> None:
    with web.client() as client:
        headers = {"Idempotency-Key": "upload-1"}
        first = client.post("/v1/synthesize", content=CSV, headers=headers)
        again = client.post("/v1/synthesize", files={"file": ("table", CSV)}, headers=headers)
        assert first.status_code == again.status_code == 202
        assert again.json() == first.json()
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        other_bytes = client.post("/v1/synthesize", content=CSV + b"1,x,2\n", headers=headers)
        is_problem(other_bytes, 422)
        other_options = client.post("/v1/synthesize", content=CSV, params={"rows": 3}, headers=headers)
        is_problem(other_options, 422)
        jobs = client.get("/v1/jobs").json()["items"]
        assert [job["id"] for job in jobs].count(first.json()["id"]) == 1


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return packed.getvalue()


BAD_FILES = {
    "empty": b"",
    "header only": b"age,name\n",
    "one row": f"age,name\n3,{CELL}\n".encode(),
    "one column": ("name\n" + f"{CELL}\n" * 50).encode(),
    "no names": CSV[CSV.index(b"\n") + 1 :],
    "ragged": CSV + f"1,{CELL}\n".encode() * 20,
    "NUL bytes": CSV.replace(b"Arthur", b"Ar\0ur"),
    "gzip cut off": gzip.compress(CSV)[:-20],
    "zip of two": zipped(a=CSV, b=CSV),
    "not Parquet": b"PAR1" + CSV + b"PAR1",
    "3,000 columns": (",".join(f"c{i}" for i in range(3000)) + "\n" + (",".join(["1"] * 3000) + "\n") * 30).encode(),
    "Latin-1": CSV.replace(b"Arthur", b"Art\xfcr"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_table_is_refused_and_leaves_nothing(web: Web, name: str) -> None:
    before = left_behind(web)
    with web.client() as client:
        is_problem(client.post("/v1/datasets", content=BAD_FILES[name]), 400, 413, 415, 422)
    assert left_behind(web) == before


def test_a_bomb_is_refused(web: Web, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The limit of the decompressed bytes is the installation's; its default takes too long to fill in a test."""
    bomb = gzip.compress(b"a,b\n" + b"0," * 40_000_000, compresslevel=1)
    assert len(bomb) < UPLOAD_LIMIT
    with web.client() as client:
        is_problem(client.post("/v1/datasets", content=bomb), 413, 422)
    assert web.scratch_is_empty()


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("multipart", [True, False])
def test_too_many_bytes_are_refused(web: Web, declared: bool, multipart: bool) -> None:
    before = left_behind(web)
    data = b"x" * (UPLOAD_LIMIT + 1)
    content = data if declared else (data[i : i + 65536] for i in range(0, len(data), 65536))
    with web.client() as client:
        if multipart:
            answer = client.post("/v1/datasets", files={"file": ("x.csv", data)})
        else:
            answer = client.post("/v1/datasets", content=content)
    assert str(UPLOAD_LIMIT) in is_problem(answer, 413)["detail"]
    assert left_behind(web) == before


@pytest.mark.parametrize("chunked", [True, False])
def test_a_sender_that_goes_away_leaves_nothing(web: Web, chunked: bool) -> None:
    before = left_behind(web)
    address = urlsplit(web.url)
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1500000"
    head = f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {web.admin.token}\r\n{framing}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as sender:
        sender.sendall(head.encode() + (b"%x\r\n" % len(CSV) if chunked else b"") + CSV)
        deadline = time.monotonic() + 20
        while left_behind(web) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not web.scratch_is_empty()
    wait_until_nothing_is_left(web, before)


BOUNDARY = b"--b"
FILE_PART = BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + CSV + b"\r\n"
BAD_MULTIPART = {
    "cut off": FILE_PART,
    "not multipart": CSV,
    "no file": BOUNDARY + b'\r\nContent-Disposition: form-data; name="options"\r\n\r\n{}\r\n--b--\r\n',
    "two files": FILE_PART + FILE_PART + b"--b--\r\n",
    "another part": BOUNDARY + b'\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n',
    "part without name": BOUNDARY + b"\r\nContent-Type: text/csv\r\n\r\n1\r\n--b--\r\n",
    "options not JSON": FILE_PART
    + b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"rows"\r\n--b--\r\n',
    "options not UTF-8": FILE_PART + b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n\xff\r\n--b--\r\n',
    "huge options": FILE_PART
    + b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n'
    + b" " * 300_000
    + b"\r\n--b--\r\n",
    "unknown option": FILE_PART
    + b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"epochs": 3}\r\n--b--\r\n',
}


@pytest.mark.parametrize("name", BAD_MULTIPART)
def test_a_multipart_body_that_is_broken_or_has_other_parts_is_refused(web: Web, name: str) -> None:
    before = left_behind(web)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with web.client() as client:
        is_problem(client.post("/v1/synthesize", content=BAD_MULTIPART[name], headers=headers), 400, 413, 422)
    assert left_behind(web) == before


def test_multipart_without_a_boundary_is_refused(web: Web) -> None:
    with web.client() as client:
        for content_type in ("multipart/form-data", f"multipart/form-data; boundary={'b' * 300}"):
            is_problem(client.post("/v1/datasets", content=CSV, headers={"Content-Type": content_type}), 400)


BAD_QUERIES = {
    "rows zero": {"rows": 0},
    "rows negative": {"rows": -1},
    "rows 10^12": {"rows": 10**12},
    "rows beyond all integers": {"rows": "9" * 5000},
    "policy": {"policy": "none"},
    "seed": {"seed": -1},
    "minutes": {"max_minutes": "nan"},
    "objective": {"objective": "wgan"},
    "encoding": {"encoding": "ebcdic"},
    "delimiter": {"delimiter": "x"},
    "decimal": {"decimal": "'"},
    "header rows": {"header_rows": -1},
    "footer": {"skip_footer": 10_000},
    "unknown": {"epochs": 300},
    "name": {"name": "a\0b"},
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_an_option_that_cannot_be_is_refused_before_the_table_is_read(web: Web, name: str) -> None:
    before = left_behind(web)
    with web.client() as client:
        is_problem(client.post("/v1/synthesize", content=CSV, params=BAD_QUERIES[name]), 422)
    assert left_behind(web) == before


@pytest.mark.parametrize(
    "options", [{"target": "salary"}, {"conditions": {"salary": "1"}}, {"conditions": {"name": "Ford Prefect"}}]
)
def test_an_option_that_does_not_fit_the_table_leaves_neither_data_set_nor_job(web: Web, options: dict) -> None:
    before = left_behind(web)
    with web.client() as client:
        count = len(client.get("/v1/jobs").json()["items"])
        body = {"file": ("people.csv", CSV), "options": (None, json.dumps(options))}
        assert "Ford" not in is_problem(client.post("/v1/synthesize", files=body), 422)["detail"]
        assert len(client.get("/v1/jobs").json()["items"]) == count
    assert left_behind(web) == before


def test_the_query_says_how_the_file_is_read(web: Web) -> None:
    rows = CSV.decode().splitlines()
    written = "\n".join(
        ["Sold;Who", "in cents;", *(f"{i % 9 + 1}.{i:03};{row.split(',')[1]}" for i, row in enumerate(rows[1:]))]
    )
    content = (written + "\nprinted on;monday\n").encode("latin-1")
    query = {"encoding": "latin-1", "delimiter": ";", "decimal": ",", "header_rows": 2, "skip_footer": 1}
    with web.client() as client:
        made = client.post("/v1/datasets", content=content, params=query)
        assert made.status_code == 201, made.text
        body = made.json()
        assert body["rows"] == len(rows) - 1
        assert [column["name"] for column in body["columns"]] == ["Sold", "Who"]
        assert body["columns"][0]["form"]["group"] == "."
        assert any("at the end" in warning for warning in body["warnings"])


def test_wrong_records_and_names_are_mended_with_a_warning(web: Web) -> None:
    content = CSV.replace(b"income", b"age", 1) + f"1,{CELL}\n".encode()
    with web.client() as client:
        body = client.post("/v1/datasets", content=content).json()
        assert [column["name"] for column in body["columns"]] == ["age", "name", "age_2"]
        assert sum("left out" in warning or "'age_2'" in warning for warning in body["warnings"]) == 2
        assert CELL not in str(body["warnings"])


def test_a_column_that_one_text_keeps_from_being_numbers_is_told_to_whoever_sends_it(web: Web) -> None:
    rows = [f"{17.31 * each:.2f},{'fm'[each % 2]}" for each in range(1, 40)]
    content = "\n".join(["glucose,sex", *rows, f"{CELL},f"]).encode()
    with web.client() as client:
        made = client.post("/v1/datasets", content=content)
        (said,) = made.json()["warnings"]
        assert said.startswith("column 'glucose': 1 of 40 values")
        assert CELL not in said
        job = client.post("/v1/jobs", json={"dataset_id": made.json()["id"]}).json()
    with reading(web.backend.engine) as session:
        told = session.scalars(select(JobEventRow.data).where(JobEventRow.job_id == job["id"])).all()
    assert any(said in data.get("notes", ()) for data in told), "the command that follows the job says it"


def test_options_are_taken_from_one_place(web: Web) -> None:
    with web.client() as client:
        body = {"file": ("people.csv", CSV), "options": (None, "{}")}
        is_problem(client.post("/v1/synthesize", files=body, params={"rows": 5}), 422)
        is_problem(client.post("/v1/datasets", files=body), 422)


def test_a_file_name_is_a_name_and_no_path(web: Web) -> None:
    with web.client() as client:
        made = client.post("/v1/datasets", files={"file": ("../../etc/x\x01y.csv", CSV)}).json()
    assert "/" not in made["name"]
    assert "\x01" not in made["name"]
