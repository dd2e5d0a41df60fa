"""A table that was made to a mix is compared with real records in the same shares, and the report says so first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.report.mix import augmentation_part, mix_part
from app.report.page import render
from app.report.rules import About
from app.report.share import shareable
from app.report.share_fields import MIX
from app.stages.mixed import asked_for, cells_of, compared, more_of_class
from app.stages.tables import Tables
from app.wire_jobs import JobOptions
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.app.report.reader import Reader
from tests.support.reports import document

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="pay", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="income", kind=ColumnKind.CATEGORICAL),
    )
)


def people(n: int, rich: float, seed: int = 0) -> pd.DataFrame:
    r = np.random.default_rng(seed)
    is_rich = np.arange(n) < rich * n
    return pd.DataFrame(
        {
            "pay": r.normal(30 + 40 * is_rich, 10),
            "sex": r.choice(["Male", "Female"], n),
            "income": np.where(is_rich, ">50K", "<=50K"),
        }
    )


def tables(rich: float, n: int = 2000) -> Tables:
    train, holdout, reference = (people(n, 0.1, seed) for seed in (1, 2, 3))
    return Tables(train=train, holdout=holdout, reference=reference, synthetic=people(n, rich, 4), schema=SCHEMA)


def looked_at(rich: float, n: int = 2000, **asked: Any) -> tuple[Tables, dict[str, Any]]:
    found, said = compared(tables(rich, n), JobOptions.model_validate(asked), np.random.default_rng(0))
    assert said is not None
    return found, said


def test_real_records_have_the_shares_of_the_table() -> None:
    found, said = looked_at(0.5, mix=["income=<=50K:0.5,>50K:0.5"])
    for part in (found.train, found.holdout):
        assert part["income"].value_counts().to_dict() == {">50K": 200, "<=50K": 200}
    assert said["reweighted"]
    assert [(each["values"], each["asked"], each["real"], each["synthetic"]) for each in said["shares"]] == [
        (["<=50K"], 0.5, 0.9, 0.5),
        ([">50K"], 0.5, 0.1, 0.5),
    ]
    untouched, nothing = compared(tables(0.5), JobOptions(), np.random.default_rng(0))
    assert nothing is None
    assert len(untouched.train) == 2000


def test_where_too_few_real_records_are_left_all_are_compared_and_that_is_said() -> None:
    found, said = looked_at(0.9, 400, mix=["income=<=50K:0.1,>50K:0.9"])
    assert len(found.train) == 400
    assert not said["reweighted"]


def test_whom_the_table_cannot_contain_is_not_attacked() -> None:
    options = JobOptions.model_validate({"mix": ["income & sex=>50K & Male:1,<=50K & Male:0"]})
    left = asked_for(people(1000, 0.3), options)
    assert set(zip(left["income"], left["sex"], strict=True)) == {(">50K", "Male")}
    both = JobOptions.model_validate({"mix": ["income=>50K:0.5,<=50K:0.5", "sex=Male:1"]})
    cells = cells_of(people(1000, 0.3), both)
    assert cells is not None
    assert set(cells) == {-1, 0, 1}
    more = JobOptions.model_validate({"augment": "income=>50K:0.5"})
    assert len(asked_for(people(1000, 0.3), more)) == 1000


@pytest.fixture(scope="module")
def mixed() -> dict[str, Any]:
    """A report on a table with more of a class."""
    found = tables(0.5)
    options = JobOptions.model_validate({"augment": "income=>50K:0.5"})
    _, said = compared(found, options, np.random.default_rng(0))
    fidelity = {"mix": said, "augmentation": more_of_class(found, options)}
    parts = {"mix": mix_part(fidelity), "augmentation": augmentation_part(fidelity)}
    return {**document(), **{name: part.model_dump(mode="json") for name, part in parts.items() if part}}


def test_the_page_says_before_any_figure_that_the_table_was_made_to_a_mix(mixed: dict[str, Any]) -> None:
    page = render(mixed)
    text = " ".join(Reader(page).text.split())
    assert page.index('id="mix"') < page.index('id="questions"')
    assert "The shares of 'income' were asked for." in text
    assert "by design and no fault of the generator" in text
    assert "compare with real records in the same shares: 400 of train and 400 of the holdout" in text
    rows = mixed["augmentation"]["rows"]
    assert len(rows) == 6
    assert all(row["smote"]["value"] is not None for row in rows)
    assert "What more of a class brings" in text
    assert sum(text.count(said) for said in (": no difference could be shown.", ": better.", ": worse.")) >= 6
    assert 'id="mix"' not in render(document())


def test_what_the_real_table_has_stays_inside(mixed: dict[str, Any]) -> None:
    passed_on = shareable(mixed)
    assert passed_on["augmentation"] is None
    (share,) = passed_on["mix"]["shares"]
    assert (share["asked"], share["real"], passed_on["mix"]["train"]) == (0.5, None, None)
    assert "This table was made to a mix" in Reader(render(passed_on)).text


def test_a_value_without_a_share_is_not_passed_on() -> None:
    """That the table has it is known to whoever could ask for it, and to nobody else."""
    shares = [
        {"columns": ["zip"], "values": [value], "asked": asked, "real": 0.5, "synthetic": asked}
        for value, asked in (("z1", 1.0), ("z2", 0.0))
    ]
    kept = MIX({"kind": "mix", "shares": shares}, About(people=1000))
    assert [each["values"] for each in kept["shares"]] == [["z1"]]
