"""The stage that attacks asks about the records that were learnt, and of a mix about people in its shares too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.split import seal_split
from app.stages import attack
from app.task import Output, hear
from privacy.audit import AuditResult
from privacy.threat import AuditTables
from synth.table.schema import TableSchema
from tests.app.test_union_stage import SCHEMA, Bench


def visits(count: int) -> pd.DataFrame:
    """Two records of each person, and as many that do not say whose they are. One person in ten lives in Oslo."""
    names = [f"p{n}" for n in range(count) for _ in range(2)] + [None] * (2 * count)
    ages = np.random.default_rng(1).integers(18, 90, len(names))
    city = ["Oslo" if n // 2 % 10 == 0 else "Bergen" for n in range(len(names))]
    return pd.DataFrame({"person": names, "age": ages, "city": city})


def test_members_are_those_who_were_learnt_and_a_mix_is_attacked_in_its_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = visits(2500)
    bench = Bench(tmp_path, frame)
    bench.split("assignment", 1, person="person")
    schema = TableSchema.from_json(SCHEMA).with_roles(person="person")
    sealed = seal_split(bench.table, schema, seed=1, out=tmp_path / "again.parquet")
    (tmp_path / "split.json").write_text(json.dumps(sealed.to_json()))
    bench.inputs["split"] = bench.stored("split", tmp_path / "split.json")
    made = frame.dropna(subset="person")
    half = pd.concat([made[made["city"] == city].head(400) for city in ("Oslo", "Bergen")])
    bench.synthetic("synthetic", half.assign(person=[f"s{n // 2}" for n in range(len(half))]))
    seen: list[AuditTables] = []

    def audit(tables: AuditTables, *_: object, **__: object) -> AuditResult:
        seen.append(tables)
        return AuditResult(findings=(), calibration=(), sizes={"train": 5000, "holdout": 5000})

    monkeypatch.setattr(attack, "audit", audit)
    monkeypatch.setattr(attack, "search_model", lambda _: ())
    monkeypatch.setattr(attack, "ask_model", lambda *_: ())
    context = bench.context(person="person", mix=["city=Oslo:0.5,Bergen:0.5"], policy="public")
    attack.run(context)
    everybody, in_shares = seen
    for tables in seen:
        for name, part in tables.named():
            assert part["person"].notna().all(), name
    assert len(everybody.train) > 5 * len(in_shares.train)
    assert in_shares.train["city"].value_counts().nunique() == 1
    said = [word for line in context.out.getvalue().splitlines() if isinstance(word := hear(line), Output)]
    document = json.loads(bench.blobs.fetch(said[-1].key, tmp_path / "audit.json", said[-1].sha256).read_text())
    assert "attacked twice" in document["notes"][0]
    assert set(document["in_shares"]) == {"train", "holdout"}
    (shadow,) = (each for each in document["findings"] if each["attack"] == "shadow")
    assert (shadow["status"], "in the shares of the real one" in shadow["note"]) == ("not_applicable", True)
