"""Files that hold a user's own cells have them as the user wrote them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from app.cli import offline, uses
from app.cli.audit import Audit, audit_files
from app.cli.exits import CommandError, Exit
from app.cli.main import app
from app.cli.offline import Sampling, Training, fit_file, sample_model
from app.cli.screen import Screen
from app.cli.tables import Wanted
from app.cli.uses import adapt_file, change_file, odd_file
from app.marks import REAL, companion, mark_of, whole
from synth.artifact import save
from synth.chain.forest import no_forest
from synth.randomness import Rng
from synth.training.fit import fit
from tests.app import test_use_stage
from tests.synth.tables_about_people import FAST


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of visits, a model of it, and records drawn from that."""
    found = tmp_path_factory.mktemp("uses")
    visits(800, seed=0).to_csv(found / "visits.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offline, "TrainConfig", lambda **_: FAST)
        fit_file(Screen.of_process(), found / "visits.csv", found / "model", Training(target="sex"))
    sample_model(Screen.of_process(), found / "model", found / "drawn.csv", Sampling(rows=100, seed=1))
    return found


def visits(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 90, n), unit="D")
    costs = [f"{each:.2f}" for each in random.integers(100, 900, n) / 10]
    return pd.DataFrame({"seen": days.strftime("%Y-%m-%d"), "cost": costs, "sex": random.choice(["F", "M"], n)})


def audited(folder: Path, synthetic: Path) -> None:
    visited, wanted = folder / "visits.csv", Wanted()
    audit = Audit(
        train=visited, holdout=visited, synthetic=synthetic, out=folder / "a.json", wanted=wanted, policy="internal"
    )
    audit_files(Screen.of_process(), audit)


def test_a_change_leaves_dates_and_decimals_as_the_file_has_them(folder: Path, tmp_path: Path) -> None:
    drawn, changed = folder / "drawn.csv", tmp_path / "changed.csv"
    assert mark_of(folder / "visits.csv") is None
    change_file(Screen.of_process(), folder / "model", drawn, changed, to={"sex": "F"}, seed=0)
    before, after = (list(csv.DictReader(each.read_text(encoding="utf-8").splitlines())) for each in (drawn, changed))
    stayed = [i for i, record in enumerate(before) if record["sex"] == "F"]
    assert stayed
    assert [after[i] for i in stayed] == [before[i] for i in stayed]
    assert {record["sex"] for record in after} == {"F"}
    with pytest.raises(CommandError, match=r"--synthetic: .* real data"):
        audited(folder, changed)


def test_a_mark_is_of_one_file_and_follows_links_to_it(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with whole(out, REAL) as part:
        part.write_text("a,b\n1,2\n", encoding="utf-8")
    assert json.loads(companion(out).read_text(encoding="utf-8"))["lookalike.contents"] == REAL
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.csv"
    link.symlink_to(out)
    assert mark_of(link) == REAL
    with pytest.raises(CommandError, match=r"--synthetic: .* real data"):
        audited(folder, link)
    out.write_text("another table\n", encoding="utf-8")
    assert mark_of(out) is None
    companion(out).write_text("{", encoding="utf-8")
    assert mark_of(out) == REAL
    sample_model(Screen.of_process(), folder / "model", out, Sampling(rows=10))
    assert mark_of(out) is None
    assert not companion(out).exists()


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("before", encoding="utf-8")

    def stopped() -> None:
        with whole(out, REAL) as part:
            part.write_text("half", encoding="utf-8")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        stopped()
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text(encoding="utf-8") == "before"


def test_a_coreset_is_sampled_from_a_model_with_a_target(folder: Path, tmp_path: Path) -> None:
    out, runner = tmp_path / "core.csv", CliRunner()
    asked = ["sample", str(folder / "model"), "-n", "40", "--coreset", "-o", str(out)]
    assert runner.invoke(app, asked).exit_code == 0
    assert pd.read_csv(out)["sex"].value_counts().to_dict() == {"F": 20, "M": 20}
    assert runner.invoke(app, [*asked, "--where", "sex=F"]).exit_code == Exit.BAD_INPUT


def test_a_file_is_carried_over_to_the_domain_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "TrainConfig", lambda **_: FAST.with_(protect=False))
    one, other, out = (tmp_path / name for name in ("one.csv", "other.csv", "out.parquet"))
    visits(400, seed=1).to_csv(one, index=False)
    visits(400, seed=2).assign(sex="F").to_csv(other, index=False)
    adapt_file(Screen.of_process(), one, other, out, seed=0, max_minutes=1)
    found = pd.read_parquet(out)
    assert list(found) == ["seen", "cost", "sex"]
    assert len(found) == 400
    assert (found["sex"] == "F").sum() > (visits(400, seed=1)["sex"] == "F").sum()
    assert mark_of(out) == REAL


def test_gaps_are_filled_by_what_is_said_of_columns_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "TrainConfig", lambda **_: FAST)
    table = visits(120, seed=3).assign(ward=[7, 8] * 60)
    table["left"] = (pd.to_datetime(table["seen"]) + pd.Timedelta(days=3)).dt.strftime("%Y-%m-%d")
    table.loc[4, ["seen", "left"]] = ["2024-03-01", "2024-02-01"]
    table.loc[6::3, "seen"] = None
    table.loc[5::10, "ward"] = None
    table.to_csv(tmp_path / "visits.csv", index=False)
    asked = ["impute", str(tmp_path / "visits.csv"), "-o", str(tmp_path / "out"), "-m", "2"]
    asked += ["--rule", "seen <= left", "--no-rules", "--kind", "ward=categorical", "--target", "sex"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "note: 1 of 120 records break the rule 'seen <= left'" in done.stderr
    assert "RuleWarning" not in done.stderr
    for name in ("completed-1.csv", "completed-2.csv"):
        filled = pd.read_csv(tmp_path / "out" / name)
        assert (filled["seen"] <= filled["left"]).sum() == 119
        assert set(filled["ward"]) == {7, 8}
    wrong = CliRunner().invoke(app, [*asked[:4], str(tmp_path / "more"), *asked[5:], "--rule", "seen <= home"])
    assert wrong.exit_code == Exit.BAD_INPUT
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (["--person", "who"], "column 'who': expected people with one record each"),
        (["-o", "{}/visits.csv/out"], "--out: expected a path in a folder"),
    ],
    ids=["people with several records", "no folder to write to"],
)
def test_what_cannot_be_imputed_is_refused_before_it_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], says: str
) -> None:
    def train(*_: object) -> None:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr(uses, "impute", partial(uses.impute, train=train))
    table = visits(120, seed=3).assign(who=[f"P{i // 2:03d}" for i in range(120)])
    table.loc[::3, "sex"] = None
    table.to_csv(tmp_path / "visits.csv", index=False)
    asked = ["impute", str(tmp_path / "visits.csv"), "-o", str(tmp_path / "out"), *(s.format(tmp_path) for s in said)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == Exit.BAD_INPUT, done.output
    assert says in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_folder_is_no_file_to_adapt_into(tmp_path: Path) -> None:
    visits(40, seed=1).to_csv(tmp_path / "one.csv", index=False)
    asked = ["adapt", *[str(tmp_path / "one.csv")] * 2, "-o", str(tmp_path)]
    assert CliRunner().invoke(app, asked).exit_code == Exit.BAD_INPUT


@pytest.mark.parametrize(
    ("other", "says"),
    [({"age": [1, 2]}, "'sex'"), ({"age": ["x1", "y1"], "sex": ["F", "M"]}, "'age': .*numbers and text")],
)
def test_files_of_other_columns_or_types_are_no_two_domains(tmp_path: Path, other: dict, says: str) -> None:
    pd.DataFrame({"age": [31, 47], "sex": ["F", "M"]}).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame(other).to_csv(tmp_path / "other.csv", index=False)
    files = [tmp_path / name for name in ("one.csv", "other.csv", "out.csv")]
    with pytest.raises(CommandError, match=says) as caught:
        adapt_file(Screen.of_process(), *files, seed=0, max_minutes=1)
    assert "x1" not in str(caught.value)
    assert not files[2].exists()


def test_scores_by_few_columns_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, model = tmp_path / "ill.csv", fit(test_use_stage.visits(900), test_use_stage.SCHEMA, FAST, Rng(0))
    test_use_stage.visits(60, seed=1).to_csv(table, index=False)
    short = replace(model, chain=replace(model.chain, forest=no_forest()))
    for name, saved in (("whole", model), ("short", short)):
        save(saved, tmp_path / name)
        odd_file(Screen.of_process(), tmp_path / name, table, tmp_path / f"{name}.csv", seed=0)
        said = capsys.readouterr().err
        assert ("note: The model redraws 1 of 3 columns" in said) == (name == "short"), said


def test_fit_tells_of_a_column_that_one_text_keeps_from_being_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(offline, "TrainConfig", lambda **_: FAST)
    table = visits(40, seed=3).assign(glucose=[f"{17.31 * each:.2f}" for each in range(1, 41)])
    table.loc[7, "glucose"] = "ask Ada"
    table.to_csv(tmp_path / "visits.csv", index=False)
    fit_file(Screen.of_process(), tmp_path / "visits.csv", tmp_path / "model", Training())
    said = capsys.readouterr().err
    assert "note: column 'glucose': 1 of 40 values looked at is not written as numbers" in said
    assert "Ada" not in said
