"""The command against a service that really runs: uploads, trainings, attacks, reports."""

import csv
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.config import Settings
from app.db import connect, transaction
from app.orm import ApiKeyRow
from app.sealed import MAGIC
from tests.app.cli.commands import environment, lookalike, started

FEW_STEPS = ("--max-steps", "20")
LONG_SECONDS = 500
PLANTED = "West of Zwolle"
"""A cell of the table that nothing else is called."""


def write_people(path: Path, records: int) -> Path:
    """A table of invented people: numbers, categories, a target that depends on both."""
    rng = np.random.default_rng(5)
    age = rng.integers(18, 80, records)
    hours = np.clip(rng.normal(40, 12, records), 1, 90).round(1)
    sex = rng.choice(["Female", "Male"], records)
    region = rng.choice(["North", "South", "East", PLANTED], records, p=[0.4, 0.3, 0.2, 0.1])
    income = np.where(age + hours + rng.normal(0, 20, records) > 95, "high", "low")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "hours", "sex", "region", "income"])
        writer.writerows(zip(age, hours, sex, region, income, strict=True))
    return path


def read_records(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("tables") / "people.csv", 1_500)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client of a running service."""
    home = tmp_path_factory.mktemp("service") / "home"
    with started(["up", "--port", "0", "--home", home], environment(LOOKALIKE_DEVICE="cpu")) as up:
        key = up.wait_for(r"(lk_[0-9a-f]+_[\w-]+)")[1]
        url = up.wait_for(r"runs at (http://\S+)")[1]
        yield environment(LOOKALIKE_URL=url, LOOKALIKE_KEY=key, LOOKALIKE_HOME=str(home))
        up.stop(signal.SIGTERM)


def newest_job(service: dict[str, str]) -> list[str]:
    return lookalike("jobs", env=service).stdout.splitlines()[0].split()


@pytest.mark.timeout(600)  # the whole way of a table: minutes on a machine with other things to do
def test_a_table_too_small_to_judge_gives_a_report_and_no_data(service: dict[str, str], tmp_path: Path) -> None:
    # So few that no column is redrawn: trees of more records may learn some by heart, and then the verdict is BLOCK.
    out, table = tmp_path / "out", write_people(tmp_path / "few.csv", 600)
    ask = ("--ask", "mean(age) by sex within 1", "--ask", "share(income=high)", "--tolerance", "0.9")
    done = lookalike(
        "synthesize", table, "-o", out, "--target", "income", *ask, *FEW_STEPS, env=service, timeout=LONG_SECONDS
    )
    assert done.returncode == 12, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]
    assert "attacking" in done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["verdict"]["verdict"] in {"INSUFFICIENT", "VOID"}
    assert report["verdict"]["verdict"] in done.stdout
    by_sex, share = report["asked"]
    assert {answer["group"] for answer in by_sex["answers"]} == {"Female", "Male"}
    people = sum(answer["real_people"] for answer in by_sex["answers"])
    assert 0 <= share["answers"][0]["real_people"] - people <= 10  # each down to a multiple of five
    assert share["answers"][0]["outcome"] == "holds"
    assert "asked     share(income=high): holds: 0." in done.stdout
    assert "Your questions" in (out / "report.html").read_text()
    assert "cannot be downloaded" in done.stdout
    assert str(out / "report.html") in done.stdout
    job, state, *_, release = newest_job(service)
    assert state == "finished"
    refused = lookalike("download", release, "-o", tmp_path / "s.csv", env=service)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "expected a release in the state released" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "s.csv").exists()
    again = lookalike("report", job, "-o", tmp_path / "again", env=service)
    assert again.returncode == 12
    assert (tmp_path / "again" / "report.json").read_bytes() == (out / "report.json").read_bytes()
    approved = lookalike("decide", release, "approve", "--reason", "I want it", env=service)
    assert approved.returncode == 1
    expect_nothing_in_plain(Path(service["LOOKALIKE_HOME"]), table)


def expect_nothing_in_plain(home: Path, table: Path) -> None:
    """No record, and no cell, of the table lies anywhere in the installation: databases, files, logs, scratch."""
    cells = [PLANTED.encode(), *(line.encode() for line in table.read_text().splitlines()[1:20])]
    found = {
        path.relative_to(home): [cell for cell in cells if cell in content]
        for path in home.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
    }
    assert {path: cells for path, cells in found.items() if cells} == {}
    stored = [path for path in (home / "blobs").glob("tenant_*/**/*") if path.is_file()]
    assert len(stored) > 5
    assert all(path.read_bytes().startswith(MAGIC) for path in stored)


def test_ctrl_c_cancels_the_job(people: Path, service: dict[str, str], tmp_path: Path) -> None:
    arguments = ["synthesize", people, "-o", tmp_path / "out", "--max-steps", "100000"]
    with started(arguments, service) as command:
        command.wait_for("training the generator")
        assert command.stop(signal.SIGINT) == 1
        command.wait_for("stopped: the job job_[0-9a-f]+ is cancelled")
    assert newest_job(service)[1] == "cancelled"


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("", (), "expected"),
        ("age,sex\n", (), "expected"),
        (None, ("--where", "nosuch=1"), "columns"),
        (None, ("--ask", "mean(age)", "--ask", "mean(nosuch)"), "ask 2, mean"),
        (None, ("--ask", "share(sex=Unknown)"), "'sex'"),
        (None, ("--where", "sex=Unknown"), "sex"),
        (None, ("--where", "age=30..40"), "range of numbers"),
        (None, ("--within", "age=900.."), "age"),
        (None, ("--within", "age=40..30"), "conditions.age"),
        (None, ("--within", "sex=30..40"), "a category"),
        (None, ("--target", "nosuch"), "target"),
        (None, ("--policy", "nosuch"), "expected"),
        (None, ("--secret", "nosuch"), "secrets"),
        (None, ("--source", "nosuch"), "source"),
        (None, ("--rows", "1000000000000"), "expected"),
    ],
)
def test_what_cannot_be_is_refused_before_a_job_begins(
    content: str | None, options: tuple[str, ...], expected: str, people: Path, service: dict[str, str], tmp_path: Path
) -> None:
    file = people
    if content is not None:
        file = tmp_path / "table.csv"
        file.write_text(content)
    jobs = lookalike("jobs", env=service).stdout
    done = lookalike("synthesize", file, "-o", tmp_path / "out", *options, env=service)
    assert done.returncode == 2, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("lookalike: ")
    assert expected in said
    assert "Unknown" not in said
    assert lookalike("jobs", env=service).stdout == jobs


def test_a_wrong_key_is_refused(people: Path, service: dict[str, str], tmp_path: Path) -> None:
    wrong = service | {"LOOKALIKE_KEY": "lk_0000_wrong"}
    done = lookalike("synthesize", people, "-o", tmp_path / "out", env=wrong)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("lookalike: A valid API key is required")


def test_a_local_call_leaves_no_process_and_no_key_behind(people: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ["--local", "--home", home, "--target", "nosuch"]
    done = lookalike("synthesize", people, "-o", tmp_path / "out", *arguments, env=environment(LOOKALIKE_DEVICE="cpu"))
    assert done.returncode == 2, done.stderr
    assert "target: expected one of the 5 columns" in done.stderr.splitlines()[-1]
    leftovers = [pid for pid in Path("/proc").iterdir() if pid.name.isdecimal() and str(home) in environ_of(pid)]
    assert leftovers == []
    engine = connect(Settings(home=home))
    with transaction(engine) as session:
        keys = session.scalars(select(ApiKeyRow)).all()
        assert keys
        assert all(key.revoked_at is not None for key in keys)
    engine.dispose()


def environ_of(process: Path) -> str:
    try:
        return (process / "environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def test_fit_and_sample_without_a_service(people: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    fitted = lookalike("fit", people, "-o", model, "--seed", "1", "--max-minutes", "0.05", timeout=LONG_SECONDS)
    assert fitted.returncode == 0, fitted.stderr
    assert sorted(path.name for path in model.iterdir()) == ["model.json", "model.safetensors"]
    tables = []
    for name, seed in (("a.csv", "4"), ("b.csv", "4"), ("c.csv", "5")):
        options = ["-n", "200", "--seed", seed, "--where", f"region={PLANTED}", "--where", "sex=Male"]
        drawn = lookalike("sample", model, "-o", tmp_path / name, *options)
        assert drawn.returncode == 0, drawn.stderr
        tables.append(read_records(tmp_path / name))
    assert tables[0] == tables[1] != tables[2]
    assert len(tables[0]) == 200
    assert {(record["region"], record["sex"]) for record in tables[0]} == {(PLANTED, "Male")}
    assert list(tables[0][0]) == ["age", "hours", "sex", "region", "income"]
    inside = lookalike(
        *("sample", model, "-n", "300", "-o", tmp_path / "e.csv"),
        *("--within", "age=30..40", "--within", "hours=..45.5", "--where", "sex=Male"),
    )
    assert inside.returncode == 0, inside.stderr
    records = read_records(tmp_path / "e.csv")
    assert len(records) == 300
    assert all(30 <= int(record["age"]) <= 40 and float(record["hours"]) <= 45.5 for record in records)
    assert {record["sex"] for record in records} == {"Male"}
    for option, wanted in (("--within", "age=900.."), ("--within", "sex=1..2"), ("--where", "age=30..40")):
        refused = lookalike("sample", model, "-n", "5", "-o", tmp_path / "d.csv", option, wanted)
        assert refused.returncode == 2
        assert wanted.partition("=")[0] in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not (tmp_path / "d.csv").exists()
    unknown = lookalike("sample", model, "-n", "5", "-o", tmp_path / "d.csv", "--where", "region=Moon")
    assert unknown.returncode == 2
    assert "Traceback" not in unknown.stderr
    assert not (tmp_path / "d.csv").exists()
    mixed = lookalike("fit", people, "-o", tmp_path, "--max-minutes", "0.05")
    assert (mixed.returncode, "expected MODEL/ to be" in mixed.stderr) == (2, True)
