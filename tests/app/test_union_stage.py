"""What the attack is given of earlier tables: cut to a job's conditions, with all who were learnt, never skipped."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.split import Part, read_part, seal_split
from app.stage_context import StageContext
from app.stages.tables import COMPARED, meeting
from app.stages.union import EarlierTable, attack_with_earlier, fetched, of_all_learnt
from app.states import JobKind
from app.task import Task
from privacy.audit import ATTACKS, AuditResult
from privacy.evidence import Evidence
from privacy.finding import Finding, Verdict
from privacy.policy import decide, load_policy
from privacy.record import read_audit
from privacy.threat import AuditTables
from synth.table.schema import TableSchema

PEOPLE = 120
SCHEMA = [
    {"name": "person", "kind": "identifier", "role": "feature"},
    {"name": "age", "kind": "numerical", "role": "feature"},
    {"name": "city", "kind": "categorical", "role": "feature"},
]
ALONE = AuditResult(findings=(), calibration=(), sizes={"train": 1, "holdout": 1})


def people(*, records: int = 1, cities: tuple[str, ...] = ("Oslo", "Bergen"), seed: int = 1) -> pd.DataFrame:
    names = [f"p{i}" for i in range(PEOPLE) for _ in range(records)]
    ages = np.random.default_rng(seed).integers(18, 90, len(names))
    return pd.DataFrame({"person": names, "age": ages, "city": [cities[i % len(cities)] for i in range(len(names))]})


class Bench:
    """A stored data set, and the contexts of jobs on it."""

    def __init__(self, folder: Path, frame: pd.DataFrame) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.settings = Settings(home=folder / "home", device="cpu")
        self.blobs = open_blobs(self.settings)
        self.table = folder / "table.parquet"
        self.write(frame, self.table)
        self.inputs = {"table": self.stored("table", self.table)}

    @staticmethod
    def write(frame: pd.DataFrame, path: Path) -> None:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)

    def stored(self, name: str, path: Path) -> dict[str, str]:
        put = self.blobs.put(f"t/{name}", path)
        return {"key": put.key, "sha256": put.sha256}

    def split(self, name: str, seed: int, *, person: str | None = None) -> None:
        out = self.folder / f"{name}.parquet"
        seal_split(self.table, TableSchema.from_json(SCHEMA).with_roles(person=person), seed=seed, out=out)
        self.inputs[name] = self.stored(name, out)

    def synthetic(self, name: str, frame: pd.DataFrame) -> None:
        self.write(frame, self.folder / "synthetic.parquet")
        self.inputs[name] = self.stored(name, self.folder / "synthetic.parquet")

    def context(self, *, facts: dict[str, int] | None = None, **options: object) -> StageContext:
        folder = self.folder / "attempt"
        folder.mkdir()
        task = Task(
            job_id="job_1",
            tenant_id="t",
            dataset_id="dataset_1",
            kind=JobKind.SYNTHESIZE,
            stage="attack",
            attempt=1,
            prefix="t/jobs/job_1/1-attack",
            schema=SCHEMA,
            options=options,
            inputs=self.inputs,
            facts=facts or {},
        )
        return StageContext(task=task, settings=self.settings, blobs=self.blobs, folder=folder, out=io.StringIO())


def counted(evidence: Evidence, _: np.random.Generator) -> tuple[Finding, ...]:
    """An attack that only says what it was given."""
    return (Finding(attack="counted", statistic="records", value=float(len(evidence.synthetic))),)


def together(context: StageContext, frame: pd.DataFrame) -> AuditResult:
    half = len(frame) // 2
    met = meeting(frame, context.options.given())
    tables = AuditTables(
        train=met.iloc[:half], holdout=met.iloc[half:] if half < len(met) else met, synthetic=met, schema=context.schema
    )
    return attack_with_earlier(context, ALONE, tables, lambda *_: None, attacks={"counted": counted})


def test_without_earlier_tables_there_is_nothing_to_attack_together(tmp_path: Path) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    result = together(bench.context(), frame)
    assert (result.together, result.not_attacked) == (None, 0)


@pytest.mark.parametrize("gone", ["earlier-1-synthetic", "earlier-1-assignment"])
def test_an_earlier_table_that_is_gone_leaves_no_pass(tmp_path: Path, gone: str) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    for number in (1, 2):
        bench.split(f"earlier-{number}-assignment", 1)
        bench.synthetic(f"earlier-{number}-synthetic", frame)
    bench.blobs.delete(bench.inputs[gone]["key"])
    result = together(bench.context(), frame)
    assert result.not_attacked == 1
    assert result.together is not None
    assert result.together.sizes["tables"] == 2
    assert decide(result, load_policy("internal")).verdict is not Verdict.PASS
    assert read_audit(result.to_json()) == result


def test_tables_read_by_another_schema_are_counted(tmp_path: Path) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    assert together(bench.context(facts={"earlier_apart": 3}), frame).not_attacked == 3


def test_earlier_tables_are_cut_to_the_conditions_of_the_job(tmp_path: Path) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    bench.split("earlier-1-assignment", 1)
    bench.synthetic("earlier-1-synthetic", frame)
    result = together(bench.context(conditions={"city": "Oslo"}), frame)
    assert result.together is not None
    assert result.together.sizes == {**result.together.sizes, "synthetic": PEOPLE, "tables": 2}
    # half of the people live in Oslo: once in this table, once in the earlier one


def test_earlier_tables_are_cut_to_the_ranges_of_the_job(tmp_path: Path) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    bench.split("earlier-1-assignment", 1)
    bench.synthetic("earlier-1-synthetic", frame)
    result = together(bench.context(conditions={"age": {"from": 30, "to": 50}}), frame)
    inside = int(frame["age"].between(30, 50).sum())
    assert 0 < inside < PEOPLE
    assert result.together is not None
    assert result.together.sizes == {**result.together.sizes, "synthetic": 2 * inside, "tables": 2}


def test_an_earlier_table_without_anybody_who_meets_the_conditions_adds_nothing_but_counts(tmp_path: Path) -> None:
    frame = people()
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1)
    bench.split("earlier-1-assignment", 1)
    bench.synthetic("earlier-1-synthetic", people(cities=("Bergen",)))
    result = together(bench.context(conditions={"city": "Oslo"}), frame)
    assert result.together is not None
    assert result.together.findings == ALONE.findings
    assert result.together.sizes["tables"] == 2


def test_a_person_of_whom_any_record_was_learnt_is_no_control(tmp_path: Path) -> None:
    """The earlier job divided records, this one people: whoever had a record learnt leaves holdout and reference."""
    frame = people(records=2)
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1, person="person")
    bench.split("earlier-1-assignment", 2)
    found = [EarlierTable(synthetic=bench.table, assignment=tmp_path / "earlier-1-assignment.parquet")]
    context = bench.context(person="person")
    given = of_all_learnt(
        context, AuditTables(train=frame, holdout=frame, synthetic=frame, schema=context.schema), found
    )
    assert given.reference is not None
    learnt, strangers = set(given.train["person"]), {*given.holdout["person"], *given.reference["person"]}
    assert strangers
    assert not learnt & strangers


def test_a_person_whose_learnt_record_misses_the_conditions_is_no_control_either(tmp_path: Path) -> None:
    """Everybody has a record in Oslo and one in Bergen, and the earlier job may have learnt the one in Bergen alone."""
    frame = people(records=2)
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1, person="person")
    bench.split("earlier-1-assignment", 2)
    found = [EarlierTable(synthetic=bench.table, assignment=tmp_path / "earlier-1-assignment.parquet")]
    context = bench.context(person="person", conditions={"city": "Oslo"})
    learnt: set[str] = set()
    for name in ("assignment", "earlier-1-assignment"):
        learnt |= set(read_part(bench.table, tmp_path / f"{name}.parquet", Part.TRAIN, context.schema)["person"])
    given = of_all_learnt(
        context, AuditTables(train=frame, holdout=frame, synthetic=frame, schema=context.schema), found
    )
    assert given.reference is not None
    assert learnt - set(given.train["person"]), "some are known by their record in Bergen alone"
    strangers = {*given.holdout["person"], *given.reference["person"]}
    assert strangers
    assert not learnt & strangers
    for part in (given.train, given.holdout, given.reference):
        assert set(part["city"]) == {"Oslo"}


class Overlap:
    """A job on some of an earlier job's people, whose table had others beside them and stood in another order."""

    def __init__(self, folder: Path, *, apart: float = 0.0005) -> None:
        steps = 0.001 * np.arange(PEOPLE) if apart else 0.0
        self.frame = people().assign(age=people()["age"] + steps)
        others = people(seed=2).assign(
            person=[f"q{i}" for i in range(PEOPLE)], age=people(seed=2)["age"] + steps + apart
        )
        joined = pd.concat([self.frame.iloc[: PEOPLE // 2], others])
        before = Bench(folder / "before", joined.sample(frac=1, random_state=3).reset_index(drop=True))
        before.split("assignment", 5)
        divided = before.folder / "assignment.parquet"
        self.learnt = read_part(before.table, divided, Part.TRAIN, TableSchema.from_json(SCHEMA))
        self.bench = Bench(folder / "now", self.frame)
        self.bench.split("assignment", 1)
        self.bench.synthetic("earlier-1-synthetic", self.frame)
        for name, path in (("earlier-1-table", before.table), ("earlier-1-assignment", divided)):
            self.bench.inputs[name] = self.bench.stored(name, path)


def test_whom_a_generator_on_another_table_was_trained_on_is_told_by_equal_records(tmp_path: Path) -> None:
    given = Overlap(tmp_path)
    context = given.bench.context()
    found, gone = fetched(context)
    assert ([each.in_part for each in found], gone) == ([True], 0)
    frame = given.frame
    whole = AuditTables(train=frame, holdout=frame, synthetic=frame, schema=context.schema)
    tables = of_all_learnt(context, whole, found)
    own = read_part(given.bench.table, tmp_path / "now" / "assignment.parquet", Part.TRAIN, context.schema)
    both = set(own["person"]) | (set(given.learnt["person"]) & set(frame["person"]))
    assert len(both) > len(own)
    assert sorted(tables.train["age"]) == sorted(frame.set_index("person").loc[sorted(both), "age"])
    assert tables.reference is not None
    assert len(tables.train) + len(tables.holdout) + len(tables.reference) == PEOPLE


def test_no_policy_passes_what_was_attacked_in_part(tmp_path: Path) -> None:
    given = Overlap(tmp_path)
    result = together(given.bench.context(), given.frame)
    assert (result.in_part, result.not_attacked) == (1, 0)
    assert result.together is not None
    assert result.together.sizes["tables"] == 2
    decided = decide(result, load_policy("internal"))
    assert decided.verdict is not Verdict.PASS
    assert any("as far as records are equal" in reason for reason in decided.reasons)
    assert read_audit(result.to_json()) == result


def test_an_overlapping_table_that_was_deleted_since_is_counted(tmp_path: Path) -> None:
    given = Overlap(tmp_path)
    given.bench.blobs.delete(given.bench.inputs["earlier-1-table"]["key"])
    result = together(given.bench.context(), given.frame)
    assert (result.in_part, result.not_attacked, result.together) == (0, 1, None)


def test_where_records_are_equal_by_chance_nobody_is_taken_for_learnt(tmp_path: Path) -> None:
    result = together((given := Overlap(tmp_path, apart=0.0)).bench.context(), given.frame)
    assert (result.in_part, result.not_attacked, result.together) == (0, 1, None)


def test_a_leak_of_the_same_file_less_one_record_is_found_together_with_the_new_table(tmp_path: Path) -> None:
    """The earlier table gives away all whom its generator was trained on; the new one, of new people, nobody."""
    everybody = pd.concat([people().assign(age=np.arange(PEOPLE) / 7 + 100 * block) for block in range(14)])
    frame = everybody.assign(person=[f"p{i}" for i in range(len(everybody))]).reset_index(drop=True)
    before = Bench(tmp_path / "first", frame.iloc[::-1].reset_index(drop=True))
    before.split("assignment", 7)
    divided = before.folder / "assignment.parquet"
    bench = Bench(tmp_path / "again", frame.iloc[1:].reset_index(drop=True))
    bench.split("assignment", 1)
    for name, path in (("earlier-1-table", before.table), ("earlier-1-assignment", divided)):
        bench.inputs[name] = bench.stored(name, path)
    bench.synthetic("earlier-1-synthetic", read_part(before.table, divided, Part.TRAIN, TableSchema.from_json(SCHEMA)))
    context = bench.context()
    parts = [read_part(bench.table, context.fetch("assignment"), part, context.schema) for part in COMPARED]
    new = frame.assign(age=frame["age"] + 1000)
    tables = AuditTables(train=parts[0], holdout=parts[1], reference=parts[2], synthetic=new, schema=context.schema)
    result = attack_with_earlier(context, ALONE, tables, lambda *_: None, attacks={"replay": ATTACKS["replay"]})
    assert result.together is not None
    (excess,) = [finding for finding in result.together.findings if finding.key == "replay.excess_records"]
    assert excess.lower is not None
    assert excess.lower > 0.3
