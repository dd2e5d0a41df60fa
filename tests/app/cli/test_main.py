import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from app import __version__
from app.cli.arguments import parse_more
from app.cli.main import app
from app.cli.options import ObjectiveName
from app.cli.synthesize import Order
from synth.config import Objective
from synth.table.ranges import Range
from tests.app.cli.commands import environment, lookalike

HEAVY = ("torch", "pandas", "sqlalchemy", "pydantic", "sklearn", "sdmetrics", "dbos")
NOWHERE = "http://127.0.0.1:9"


def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, env={"LOOKALIKE_URL": NOWHERE, **variables})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text("age,sex\n30,F\n")
    return str(path)


def test_the_command_answers_before_anything_heavy_is_loaded() -> None:
    code = f"import sys, app.cli.main; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_version_is_told() -> None:
    assert run("--version")[:2] == (0, f"{__version__}\n")


COMMANDS = ("jobs", "report", "download", "cancel", "decide", "synthesize", "fit", "sample", "audit")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Usage" in out


def test_without_a_key_nothing_is_sent(table: str, tmp_path: Path) -> None:
    code, _, err = run("synthesize", table, "-o", str(tmp_path / "out"), LOOKALIKE_KEY="")
    assert (code, err) == (2, "lookalike: expected an API key in LOOKALIKE_KEY or --key, got none\n")


def test_a_service_that_is_not_there_is_one_sentence(table: str, tmp_path: Path) -> None:
    code, out, err = run("synthesize", table, "-o", str(tmp_path / "out"), LOOKALIKE_KEY="lk_a_b")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == f"lookalike: expected a Lookalike service at {NOWHERE}, could not connect to it"
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "options",
    [
        ("--rows", "0"),
        ("--rows", "many"),
        ("--seed", "-1"),
        ("--where", "sex"),
        ("--within", "age=30"),
        ("--within", "age=nan.."),
        ("--max-minutes", "-1"),
        ("--format", "xml"),
        ("--shadow-models", "sometimes"),
        ("--no-such-option",),
    ],
)
def test_options_that_cannot_be_are_bad_input(table: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    code, _, err = run("synthesize", table, "-o", str(tmp_path / "out"), *options, LOOKALIKE_KEY="lk_a_b")
    assert code == 2
    assert "Traceback" not in err


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert run("synthesize", str(tmp_path / "none.csv"), "-o", str(tmp_path), LOOKALIKE_KEY="lk_a_b")[0] == 2


def test_an_output_folder_that_is_a_file_is_bad_input(table: str) -> None:
    code, _, err = run("synthesize", table, "-o", table, LOOKALIKE_KEY="lk_a_b")
    assert code == 2
    assert "expected a folder that can be written" in err


def test_files_of_an_earlier_run_cannot_be_taken_for_this_ones(table: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "synthetic.csv").write_text("old")
    (out / "notes.txt").write_text("mine")
    run("synthesize", table, "-o", str(out), LOOKALIKE_KEY="lk_a_b")
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_settings_that_cannot_be_are_named(tmp_path: Path) -> None:
    done = lookalike("migrate", "--home", tmp_path, env=environment(LOOKALIKE_PORT="high"))
    why = "input should be a valid integer, unable to parse string as an integer"
    assert (done.returncode, done.stderr) == (2, f"lookalike: invalid settings: LOOKALIKE_PORT ({why})\n")


def test_what_the_attacks_are_asked_for_goes_to_the_service_and_nothing_where_nothing_was_asked() -> None:
    named = {"secrets": ("income", "sex"), "source": ("age",), "shadow_models": "off"}
    sent = Order(file=Path("t.csv"), out=Path("out"), **named).options()
    assert sent == {"secrets": ["income", "sex"], "source": ["age"], "shadow_models": "off"}
    assert Order(file=Path("t.csv"), out=Path("out")).options() == {}


def test_the_objectives_that_may_be_named_are_those_of_the_generator() -> None:
    assert {each.value for each in ObjectiveName} == set(get_args(Objective))
    sent = Order(file=Path("t.csv"), out=Path("out"), objective="ctgan").options()
    assert sent == {"generator": {"objective": "ctgan"}}


def test_questions_go_to_the_service_as_they_were_asked() -> None:
    sent = Order(file=Path("t.csv"), out=Path("out"), ask=("mean(age) by sex",), tolerance=0.1).options()
    assert sent == {"ask": ["mean(age) by sex"], "tolerance": 0.1}


def test_conditions_go_to_the_service_in_the_form_that_the_api_reads() -> None:
    conditions = {"sex": "30..40", "age": Range(30, None), "hours": Range(0, 40.5), "seen": Range(None, "2024-01-31")}
    assert Order(file=Path("t.csv"), out=Path("out"), conditions=conditions).options() == {
        "conditions": {
            "sex": "30..40",
            "age": {"from": 30},
            "hours": {"from": 0, "to": 40.5},
            "seen": {"to": "2024-01-31"},
        }
    }


def test_conditions_on_several_values_and_on_missing_ones_are_sent_as_the_service_reads_them() -> None:
    conditions = parse_more(["city=Oslo,Bergen"], ["bmi"], ["age"], {})
    assert Order(file=Path("t.csv"), out=Path("out"), conditions=conditions).options() == {
        "conditions": {"city": ["Oslo", "Bergen"], "bmi": {"missing": True}, "age": {"missing": False}}
    }
