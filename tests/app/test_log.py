"""The log is one JSON object a line, about a request or a job, without a word of an exception."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from app import log
from app.log import JOB, REQUEST, JsonLines, PlainLines, about_job, accepted_request_id

CELL = "Mrs Zwolle\nINFO: forged"


def failed() -> logging.LogRecord:
    try:
        raise ValueError(CELL)
    except ValueError:
        return logging.LogRecord("lookalike.web", logging.ERROR, "", 0, "it %s", ("failed",), sys.exc_info())


def test_a_line_names_request_job_and_error_but_not_its_words() -> None:
    token = REQUEST.set("r1")
    record = failed()
    setattr(record, log.FIELDS, {"status": 500})
    with about_job("job_1"):
        line = json.loads(JsonLines().format(record))
        plain = PlainLines().format(record)
    REQUEST.reset(token)
    assert line["time"].endswith("+00:00")
    assert (line["level"], line["message"], line["request"], line["job"]) == ("error", "it failed", "r1", "job_1")
    assert (line["status"], line["error"]) == (500, "ValueError")
    assert line["where"].startswith("test_log.py:")
    assert "Zwolle" not in json.dumps(line) + plain
    assert JOB.get() == ""


def test_what_came_begins_no_line_of_its_own() -> None:
    record = logging.LogRecord("lookalike.web", logging.INFO, "", 0, "named %s", (CELL,), None)
    for form in (JsonLines(), PlainLines()):
        assert len(form.format(record).splitlines()) == 1


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "-a", "a\r\nSet-Cookie: b", "a\u00e9", '"a"'])
def test_an_odd_request_id_is_replaced(sent: str) -> None:
    assert accepted_request_id(sent) != sent
    assert accepted_request_id(sent) != accepted_request_id(sent)


def test_a_plain_request_id_is_kept() -> None:
    assert accepted_request_id("a1.b-C_d") == "a1.b-C_d"


def test_both_forms_go_to_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    loggers = [logging.getLogger(name) for name in ("", "lookalike", "uvicorn", "dbos")]
    before = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    try:
        for form, first in (("json", "{"), ("text", "INFO"), ("auto", "{")):
            monkeypatch.setattr(sys, "stderr", io.StringIO())
            log.configure(form)
            logging.getLogger("lookalike.jobs").info("a stage began")
            logging.getLogger("dbos").warning("away")
            lines = sys.stderr.getvalue().splitlines()
            assert len(lines) == 2
            assert lines[0].startswith(first)
    finally:
        for each, handlers, level, propagate in before:
            each.handlers[:], each.propagate = handlers, propagate
            each.setLevel(level)
