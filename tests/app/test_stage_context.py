"""A stage gets the very files that were published for it, and reads the table in the roles that the job names."""

from __future__ import annotations

import io

import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.errors import ArtifactChangedError
from app.stage_context import StageContext
from app.stages.tables import meeting
from app.states import JobKind
from app.task import Output, Task, hear
from synth.table.ranges import Range
from synth.table.schema import ColumnKind, ColumnRole

COLUMNS = [{"name": name, "kind": "numerical", "role": "feature"} for name in ("patient", "age")]


def context(tmp_path, **inputs) -> StageContext:
    settings = Settings(home=tmp_path / "home")
    folder = tmp_path / "attempt"
    folder.mkdir(exist_ok=True)
    task = Task(
        job_id="job_1",
        tenant_id="t",
        dataset_id="dataset_1",
        kind=JobKind.SYNTHESIZE,
        stage="seal",
        attempt=1,
        prefix="t/jobs/job_1/1-seal",
        schema=COLUMNS,
        options={"person": "patient", "target": "age"},
        inputs=inputs,
    )
    return StageContext(task=task, settings=settings, blobs=open_blobs(settings), folder=folder, out=io.StringIO())


def test_what_one_stage_publishes_the_next_one_reads(tmp_path):
    giving = context(tmp_path)
    giving.publish_json("split", {"seed": 7})
    word = hear(giving.out.getvalue())
    assert isinstance(word, Output)
    taking = context(tmp_path, split={"key": word.key, "sha256": word.sha256})
    assert taking.fetch_json("split") == {"seed": 7}


def test_a_file_that_was_changed_after_it_was_published_is_refused_and_not_kept(tmp_path):
    giving = context(tmp_path)
    giving.publish_json("audit", {"findings": ["leak"]})
    word = hear(giving.out.getvalue())
    giving.blobs.put_bytes(word.key, b'{"findings": []}')
    assert word.sha256[:16] in word.key, "another file of this name gets another key"
    taking = context(tmp_path, audit={"key": word.key, "sha256": word.sha256})
    for _ in range(2):
        with pytest.raises(ArtifactChangedError):
            taking.fetch_json("audit")


def test_the_job_names_the_person_and_the_target(tmp_path):
    schema = context(tmp_path).schema
    assert schema["patient"].kind is ColumnKind.IDENTIFIER
    assert schema.with_role(ColumnRole.PERSON) == "patient"
    assert schema.with_role(ColumnRole.TARGET) == "age"


def test_a_record_without_a_value_does_not_meet_a_condition_that_reads_like_nothing():
    import pandas as pd

    frame = pd.DataFrame({"smokes": ["None", None, "yes"]}, dtype=object)
    assert list(meeting(frame, {"smokes": "None"})["smokes"]) == ["None"]


def test_a_record_meets_a_category_however_its_type_writes_it():
    import pandas as pd

    frame = pd.DataFrame({"fraud": [1.0, 0.0, None], "flag": [True, False, True], "zip": ["02139", "10001", None]})
    assert list(meeting(frame, {"fraud": "1"})["fraud"]) == [1.0]
    assert list(meeting(frame, {"flag": "true", "zip": "02139"})["zip"]) == ["02139"]
    assert meeting(frame, {"zip": "2139"}).empty
    assert meeting(pd.DataFrame({"smokes": ["None", "yes"]}), {"smokes": "never"}).empty


def test_a_record_meets_a_range_with_both_its_ends_and_never_without_a_value():
    import pandas as pd

    seen = ["2020-01-01T00:00", "2020-01-31T23:59", "2020-02-01T00:00", None, "2020-01-05T00:00"]
    frame = pd.DataFrame({"age": [30, 40, 35, 35, 41], "seen": pd.Series(seen, dtype="datetime64[us]")})
    assert list(meeting(frame, {"age": Range(30, 40)})["age"]) == [30, 40, 35, 35]
    assert list(meeting(frame, {"age": Range(None, 40), "seen": Range(None, "2020-01-31")})["age"]) == [30, 40]
