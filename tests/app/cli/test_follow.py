import json
from typing import Any

import pytest

from app.cli.client import Client
from app.cli.exits import CommandError
from app.cli.follow import follow, parse_event
from tests.app.cli.server import Answer, Asked, answering


def stream(*events: tuple[int, str, dict[str, Any]], cut: bool = False) -> Answer:
    text = "".join(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for number, kind, data in events)
    return Answer(body=text.encode(), type="text/event-stream", claims=len(text) + 100 if cut else None)


def test_every_event_comes_once_over_a_lost_connection() -> None:
    asked_after: list[str | None] = []
    answers = [
        stream((1, "state", {"state": "running"}), (2, "progress", {"stage": "train", "fraction": 0.4}), cut=True),
        stream((3, "progress", {"stage": "train", "fraction": 0.6}), (4, "state", {"state": "finished"})),
    ]

    def answer(asked: Asked) -> Answer:
        asked_after.append(asked.headers.get("last-event-id"))
        return answers[len(asked_after) - 1]

    with answering(answer) as url, Client(url, "lk_x", direct=True) as client:
        events = list(follow(client, "job_1"))
    assert [event.fraction or event.state for event in events] == ["running", 0.4, 0.6, "finished"]
    assert asked_after == [None, "2"]


def test_a_stream_that_ends_without_a_word_is_asked_for_the_jobs_state() -> None:
    def answer(asked: Asked) -> Answer:
        return stream() if asked.path.endswith("/events") else Answer(body=b'{"state": "failed"}')

    with answering(answer) as url, Client(url, "lk_x", direct=True) as client:
        events = list(follow(client, "job_1"))
    assert [event.state for event in events] == ["failed"]


def test_a_job_that_is_not_ours_is_refused_at_once() -> None:
    asked: list[str] = []

    def answer(request: Asked) -> Answer:
        asked.append(request.path)
        return Answer(status=404, type="application/problem+json", body=b'{"title": "Not found"}')

    with (
        answering(answer) as url,
        Client(url, "lk_x", direct=True) as client,
        pytest.raises(CommandError, match="Not found"),
    ):
        list(follow(client, "job_1"))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("kind", "data"),
    [("progress", "{"), ("progress", "[]"), ("news", "{}"), ("message", '{"state": "finished"}')],
)
def test_what_this_version_does_not_know_is_passed_over(kind: str, data: str) -> None:
    assert parse_event(kind, data) is None


def test_fields_of_another_shape_are_left_out() -> None:
    event = parse_event("progress", '{"stage": 3, "fraction": "half", "message": null, "figures": {"a": 1, "b": "x"}}')
    assert event is not None
    assert (event.stage, event.fraction, event.message, dict(event.figures)) == (None, None, "", {"a": 1.0})
    assert not event.final
