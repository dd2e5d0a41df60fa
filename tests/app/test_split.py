"""The sealed split: people never straddle it, it can be made again, and it cannot be changed unnoticed."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.split import Part, Split, SplitBrokenError, TooFewPeopleError, check_split, merge_learnt, read_part, seal_split
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

PERSON = ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
VALUE = ColumnSpec(name="x", kind=ColumnKind.NUMERICAL)
RECORDS = TableSchema(columns=(VALUE,))
PEOPLE = TableSchema(columns=(PERSON, VALUE))


def sealed(folder: Path, table: dict, schema: TableSchema, seed: int = 1) -> tuple[Split, np.ndarray]:
    pq.write_table(pa.table(table), folder / "table.parquet")
    split = seal_split(folder / "table.parquet", schema, seed=seed, out=folder / "split.parquet")
    return split, pq.read_table(folder / "split.parquet").column(0).to_numpy()


def test_the_parts_are_60_25_15_and_cover_every_record_once(tmp_path):
    split, parts = sealed(tmp_path, {"x": range(1_000)}, RECORDS)
    assert (split.train, split.holdout, split.reference) == (600, 250, 150)
    held = [read_part(tmp_path / "table.parquet", tmp_path / "split.parquet", part, RECORDS) for part in Part]
    assert sorted(value for frame in held for value in frame["x"]) == list(range(1_000))
    assert list(held[Part.HOLDOUT]["x"]) == list(np.flatnonzero(parts == Part.HOLDOUT))
    assert {path.name for path in tmp_path.iterdir()} == {"table.parquet", "split.parquet"}


def test_the_same_seed_gives_the_same_split_and_another_one_another(tmp_path):
    first, parts = sealed(tmp_path, {"x": range(500)}, RECORDS, seed=1)
    again, same = sealed(tmp_path, {"x": range(500)}, RECORDS, seed=1)
    other, _ = sealed(tmp_path, {"x": range(500)}, RECORDS, seed=2)
    assert first == again
    assert (parts == same).all()
    assert other.sha256 != first.sha256


def test_the_split_does_not_depend_on_the_values(tmp_path):
    first, _ = sealed(tmp_path, {"who": [f"p{i % 40}" for i in range(200)], "x": range(200)}, PEOPLE)
    second, _ = sealed(tmp_path, {"who": [f"p{i % 40}" for i in range(200)], "x": range(200, 400)}, PEOPLE)
    assert first == second


def test_a_person_is_on_the_same_side_whatever_the_order_of_the_records(tmp_path):
    who = [f"p{i % 40}" for i in range(200)]
    _, parts = sealed(tmp_path, {"who": who, "x": range(200)}, PEOPLE)
    _, turned = sealed(tmp_path, {"who": who[::-1], "x": range(200)}, PEOPLE)
    assert (parts == turned[::-1]).all()


def test_records_without_a_person_are_people_of_their_own(tmp_path):
    who = [None] * 400 + ["7"] * 100
    split, parts = sealed(tmp_path, {"who": who, "x": range(500)}, PEOPLE)
    assert split.people == 401
    assert set(parts[:400]) == {0, 1, 2}
    assert len(set(parts[400:])) == 1


def test_no_neighbouring_records_pattern(tmp_path):
    _, parts = sealed(tmp_path, {"x": range(20_000)}, RECORDS)
    train = parts == Part.TRAIN
    assert abs(np.corrcoef(train[:-1], train[1:])[0, 1]) < 0.04


def test_too_few_people_are_refused(tmp_path):
    with pytest.raises(TooFewPeopleError, match="at least 10 people to divide, got 2"):
        sealed(tmp_path, {"who": ["a", "b"] * 50, "x": range(100)}, PEOPLE)
    assert not (tmp_path / "split.parquet").exists()


def test_a_changed_split_is_noticed(tmp_path):
    split, parts = sealed(tmp_path, {"x": range(100)}, RECORDS)
    check_split(tmp_path / "split.parquet", split)
    a, b = (int(np.flatnonzero(parts == part)[0]) for part in (Part.TRAIN, Part.HOLDOUT))
    parts = parts.copy()
    parts[[a, b]] = parts[[b, a]]
    pq.write_table(pa.table({"part": parts}), tmp_path / "split.parquet")
    with pytest.raises(SplitBrokenError):
        check_split(tmp_path / "split.parquet", split)
    with pytest.raises(SplitBrokenError):
        check_split(tmp_path / "table.parquet", dataclasses.replace(split, seed=2))


def test_a_split_of_another_dataset_is_not_used(tmp_path):
    sealed(tmp_path, {"x": range(100)}, RECORDS)
    pq.write_table(pa.table({"x": range(99)}), tmp_path / "table.parquet")
    with pytest.raises(SplitBrokenError):
        read_part(tmp_path / "table.parquet", tmp_path / "split.parquet", Part.TRAIN, RECORDS)


@settings(max_examples=60, deadline=None)
@given(who=st.lists(st.one_of(st.none(), st.integers(0, 60)), min_size=1, max_size=300), seed=st.integers(0, 2**64 - 1))
def test_people_never_straddle_and_the_shares_hold(who, seed):
    people = len({w for w in who if w is not None}) + who.count(None)
    with tempfile.TemporaryDirectory() as name:
        table = {"who": pa.array(who, pa.int64()), "x": range(len(who))}
        if people < 10:
            with pytest.raises(TooFewPeopleError):
                sealed(Path(name), table, PEOPLE, seed)
            return
        split, parts = sealed(Path(name), table, PEOPLE, seed)
    sides: dict[int, set[int]] = {}
    for person, part in zip(who, parts, strict=True):
        if person is not None:
            sides.setdefault(person, set()).add(int(part))
    assert all(len(side) == 1 for side in sides.values())
    assert split.people == people
    assert split.train + split.holdout + split.reference == len(who)
    counts = [len({w for w, p in zip(who, parts, strict=True) if w is not None and p == part}) for part in Part]
    counts = [n + sum(1 for w, p in zip(who, parts, strict=True) if w is None and p == i) for i, n in enumerate(counts)]
    holdout, reference = round(people * 0.25), round(people * 0.15)
    assert counts == [people - holdout - reference, holdout, reference, 0], "too few people for a validation part"


def test_of_many_people_some_are_set_aside_to_tell_the_training_when_to_stop(tmp_path):
    split, parts = sealed(tmp_path, {"x": range(10_000)}, RECORDS, 1)
    assert [int((parts == part).sum()) for part in Part] == [5_700, 2_500, 1_500, 300]
    assert Split.from_json(split.to_json()) == split


def test_whoever_any_generator_learnt_counts_as_learnt(tmp_path: Path) -> None:
    sealed(tmp_path, {"x": range(200)}, RECORDS)
    table = tmp_path / "table.parquet"
    own, same, other, merged = (tmp_path / f"{name}.parquet" for name in ("own", "same", "other", "merged"))
    for out, seed in ((own, 1), (same, 1), (other, 2)):
        seal_split(table, RECORDS, seed=seed, out=out)
    assert not merge_learnt([own, same], merged)
    assert not merged.exists()
    assert merge_learnt([own, other], merged)
    learnt = [set(read_part(table, split, Part.TRAIN, RECORDS)["x"]) for split in (own, other, merged)]
    assert learnt[2] == learnt[0] | learnt[1]
    assert learnt[2].isdisjoint(read_part(table, merged, Part.HOLDOUT, RECORDS)["x"])
