"""Reports over HTTP for both audiences, as JSON, page and PDF; each rendered in a process of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import CommandError, Exit
from app.cli.reports import group
from app.errors import NotAcceptableError
from app.report.audience import Audience, Kind
from app.report.run import RenditionError, rendered
from app.states import ReleaseState
from tests.app.cli.commands import lookalike
from tests.app.routes.test_uploads import is_problem
from tests.support.pdf import text_of
from tests.support.reports import document_bytes
from tests.support.rows import add_release
from tests.support.web import Web

NAME = "people_2024.csv"


def test_a_report_is_a_pdf_and_is_passed_on_without_what_discloses_rows(web: Web, tmp_path: Path) -> None:
    raw = document_bytes(dataset_name=NAME)
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=raw)
    path = f"/v1/reports/{release.report_id}"
    with web.client(web.reviewer) as client:
        answer = client.get(path, headers={"Accept": "application/pdf"})
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["x-content-type-options"] == "nosniff"
        text = text_of(answer.content)
        assert NAME in text
        assert hashlib.sha256(raw).hexdigest() in text
        known = {"If-None-Match": answer.headers["etag"]}
        assert client.get(f"{path}.pdf", headers=known).status_code == 304
        shared = client.get(path, params={"audience": "shareable"})
        assert shared.json()["audience"] == "shareable"
        assert NAME not in shared.text
        assert shared.headers["etag"] not in (answer.headers["etag"], f'"{hashlib.sha256(raw).hexdigest()}"')
        page = client.get(f"{path}.html", params={"audience": "shareable"})
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert NAME not in page.text
        assert client.get(path, params={"audience": "internal"}).content == raw
        is_problem(client.get(path, params={"audience": "everybody"}), 422)
    with web.client(web.stranger) as client:
        for query in ("", "?audience=shareable"):
            is_problem(client.get(f"{path}.pdf{query}"), 404)


def test_what_cannot_be_rendered_says_so(tmp_path: Path) -> None:
    for old in (b'{"format": "lookalike.report/0"}', b'{"format": "lookalike.report/1"}', b"[]", b"no report"):
        with pytest.raises(NotAcceptableError):
            rendered(old, Audience.SHAREABLE, Kind.JSON, cache=tmp_path)
    with pytest.raises(RenditionError, match="longer"):
        rendered(document_bytes(), Audience.INTERNAL, Kind.PDF, cache=tmp_path, seconds=0.05)


def test_commands_write_a_pdf_and_a_report_to_pass_on(tmp_path: Path) -> None:
    file, out = tmp_path / "report.json", tmp_path / "shared.json"
    file.write_bytes(document_bytes(dataset_name=NAME))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(group, [str(each) for each in arguments])

    assert run("pdf", file, "--out", tmp_path / "a.pdf").exit_code == 0
    assert NAME in text_of((tmp_path / "a.pdf").read_bytes())
    assert lookalike("report", "share", file, "--out", out).returncode == 0
    assert json.loads(out.read_text(encoding="utf-8"))["audience"] == "shareable"
    for wrong, words in ((tmp_path / "shared.docx", ".pdf"), (file, "another file")):
        refused = run("share", file, "--out", wrong).exception
        assert isinstance(refused, CommandError)
        assert words in str(refused)
    file.write_text('{"format": "lookalike.report/0"}', encoding="utf-8")
    refused = run("share", file, "--out", out).exception
    assert isinstance(refused, CommandError)
    assert refused.code == Exit.BAD_INPUT
