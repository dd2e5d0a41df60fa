"""What worker and child say to each other survives the pipe, and noise on the pipe is not taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.states import JobKind
from app.task import Failure, Output, Progress, Task, hear, say

text = st.text(max_size=40)
words = st.one_of(
    st.builds(
        Progress, fraction=st.floats(0, 1), message=text, figures=st.dictionaries(text, st.floats(allow_nan=False))
    ),
    st.builds(Output, name=text, key=text, bytes=st.integers(0), sha256=text),
    st.builds(Failure, code=text, detail=text),
)


@given(words)
def test_a_word_is_heard_as_it_was_said_on_one_line(word):
    line = say(word)
    assert "\n" not in line
    assert hear(line) == word


@pytest.mark.parametrize("line", ["", "warning: something", "[1, 2]", "{}", '{"word": "sudo"}', "3"])
def test_noise_is_not_a_word(line):
    assert hear(line) is None


def test_a_task_survives_the_pipe():
    task = Task(
        job_id="job_1",
        tenant_id="ten_1",
        dataset_id="dataset_1",
        kind=JobKind.SAMPLE,
        stage="sample",
        attempt=3,
        prefix="ten_1/jobs/job_1/3-sample",
        schema=[{"name": "age", "kind": "numerical", "role": "feature"}],
        options={"rows": 10},
        inputs={"table": {"key": "k", "sha256": "0"}},
    )
    assert Task.from_json(task.to_json()) == task
