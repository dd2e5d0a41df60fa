"""Whether two uploads share people is told by their records: through every change that leaves them the same people."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest

from app.intake.model import IntakeLimits
from app.intake.read import ingest
from app.intake.sketch import IDENTIFIER, KINDS, siphash
from app.overlap import below, share_people
from app.sketches import MOST, Sketch
from tests.privacy import adult

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
LIMITS = IntakeLimits(threads=1)
PEOPLE = 1200
POOR = ["age", "education", "sex", "income"]
"""Columns in which most records of Adult have a double."""


def sketched(frame: pd.DataFrame, key: bytes = KEY) -> dict[str, Sketch]:
    """What intake makes of the table, written as CSV."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "upload"
        frame.to_csv(source, index=False)
        return dict(ingest(source, Path(folder) / "out.parquet", filename="a.csv", limits=LIMITS, key=key).sketches)


@cache
def people(start: int = 0, n: int = PEOPLE) -> pd.DataFrame:
    return adult.whole().sample(frac=1, random_state=8).iloc[start : start + n].reset_index(drop=True)


@cache
def first() -> dict[str, Sketch]:
    return sketched(people())


CHANGES = {
    "less one record": lambda f: f.iloc[1:],
    "shuffled": lambda f: f.sample(frac=1, random_state=1),
    "columns in another order": lambda f: f[f.columns[::-1]],
    "a column less": lambda f: f.drop(columns="fnlwgt"),
    "two columns less": lambda f: f.drop(columns=["age", "education"]),
    "a column more": lambda f: f.assign(batch="second"),
    "a random number more": lambda f: f.assign(noise=np.random.default_rng(0).random(len(f))),
    "numbered anew": lambda f: f.assign(id=np.random.default_rng(0).permutation(len(f))),
    "a column edited": lambda f: f.assign(age=f["age"] + 1),
    "a column renamed": lambda f: f.rename(columns={"age": "years"}),
    "all columns renamed": lambda f: f.rename(columns=lambda name: f"{name}_2"),
    "half of it": lambda f: f.iloc[: len(f) // 2],
    "twenty of its people among others": lambda f: pd.concat([f.iloc[:20], people(5000, 600)]),
    "one in twenty of its people among others": lambda f: pd.concat([f.iloc[:60], people(5000, 1140)]),
    "numbers with decimals": lambda f: f.assign(age=f["age"].map("{:.2f}".format), fnlwgt=f["fnlwgt"].astype(float)),
    "numbers that became text": lambda f: f.assign(age=["unknown", *f["age"].iloc[1:].astype(str)]),
    "text in capitals": lambda f: f.assign(education=f["education"].str.upper()),
    "every record twice": lambda f: pd.concat([f, f]),
    "half of the records twice": lambda f: pd.concat([f, f.iloc[: len(f) // 2]]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_people_are_told_through(change: str) -> None:
    other = sketched(CHANGES[change](people()))
    assert share_people(first(), other)
    assert share_people(other, first())


@pytest.mark.parametrize("columns", [None, POOR, POOR[1:]], ids=["all columns", "four columns", "three columns"])
@pytest.mark.parametrize("others", [PEOPLE, 150])
def test_different_people_of_one_population_share_nothing(columns: list[str] | None, others: int) -> None:
    """With few columns most records of the one sample equal some of the other: that is chance, and stays it."""
    columns = columns or list(people().columns)
    one, other = people()[columns], people(PEOPLE, others)[columns]
    assert not share_people(sketched(one), sketched(other))


def test_tables_numbered_from_one_do_not_share_people_by_the_numbers() -> None:
    one, other = (people(start)[["sex", "race", "income"]].reset_index() for start in (0, PEOPLE))
    assert len(one.merge(other)) >= 100, "many records agree with their number"
    assert not share_people(sketched(one), sketched(other))


def test_of_a_table_with_few_distinct_records_the_same_one_less_one_is_told() -> None:
    few = ["sex", "race", "relationship"]
    one = people()[few]
    assert share_people(sketched(one), sketched(one.iloc[1:]))
    assert not share_people(sketched(one), sketched(people(PEOPLE)[few]))


def test_two_tables_with_other_columns_share_people_by_their_addresses() -> None:
    rng = np.random.default_rng(2)
    names = [f"{''.join(rng.choice(list('abcdefghij'), 8))}@example.org" for _ in range(120)]
    visits = pd.DataFrame({"email": rng.choice(names, 400), "ward": rng.choice(["A", "B"], 400)})
    tests = pd.DataFrame({"email": rng.choice(names[:60], 300), "level": rng.random(300)})
    strangers = tests.assign(email=[f"x{name}" for name in tests["email"]])
    assert share_people(sketched(visits), sketched(tests))
    assert not share_people(sketched(visits), sketched(strangers))


def test_under_another_tenant_s_key_the_same_table_has_no_hash_in_common() -> None:
    theirs = sketched(people(), OTHER_KEY)
    assert not share_people(first(), theirs)
    for kind in (*KINDS, IDENTIFIER):
        mine, others = (set(below(each[kind], 2**63 - 1)[0].tolist()) for each in (first(), theirs))
        assert not mine & others
    assert sketched(people()) == first(), "and under the same key the same sketch"


def test_a_sketch_is_bounded_and_holds_no_cell() -> None:
    whole = sketched(people(0, 9000))
    assert set(whole) == {*KINDS, IDENTIFIER}
    assert len(whole["record"].hashes) == 8 * MOST
    stored = b"".join(each.hashes + each.counts for each in whole.values())
    assert not [value for value in ("Bachelors", "Husband", "Married") if value.encode() in stored]


def test_without_a_key_nothing_is_sketched(tmp_path: Path) -> None:
    people(0, 50).to_csv(tmp_path / "upload", index=False)
    intake = ingest(tmp_path / "upload", tmp_path / "out.parquet", filename="a.csv", limits=LIMITS)
    assert not intake.sketches


def test_awkward_tables_are_sketched() -> None:
    empty = pd.DataFrame({"a": [None] * 50, "b": [""] * 50, "c": range(50)})
    wide = pd.DataFrame({"a": [1e308, -1e-308, 0.0, -0.0, 2.0**60] * 10, "b": ["nan", "inf", "1e5", "é", "x"] * 10})
    for frame in (empty, wide):
        found = sketched(frame)
        assert not share_people(found, first())


def test_siphash_is_that_of_its_authors() -> None:
    """Aumasson & Bernstein's reference vectors: key 00 01 .. 0f, message 00 01 .. 07."""
    word = np.array([0x0706050403020100], dtype=np.uint64)
    assert siphash(word, (0x0706050403020100, 0x0F0E0D0C0B0A0908)).tolist() == [0x93F5F5799A932462]
