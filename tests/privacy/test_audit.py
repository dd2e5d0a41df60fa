"""The audit as a whole: ties, self-calibration, crashes, persons, awkward tables."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.replay import replay
from privacy.audit import ATTACKS, AuditResult, attacks_for, audit, limit_for
from privacy.errors import AuditInputError
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.plants import Plant
from privacy.policy import Limit, decide, load_policy, policies
from privacy.sensitivity import sees, trial_at_limit
from privacy.threat import AuditTables
from privacy.validity import CHECKS
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from tests.privacy import adult

COPIED = "replay.copied_share"
PLAIN_RATE = "membership.plain_k1_tpr_at_1_percent"


def finding(found: AuditResult, key: str):
    return next(f for f in found.findings if f.key == key)


def trial(found: AuditResult, key: str, plant: Plant):
    return next(t for t in found.calibration if t.key == key and t.plant is plant)


@pytest.fixture(scope="module")
def fresh() -> AuditTables:
    return adult.fresh(21, n=2000, reference=1500)


@pytest.fixture(scope="module")
def small() -> AuditTables:
    return adult.fresh(26, n=700, reference=600)


def only(*names: str):
    return {name: ATTACKS[name] for name in ("drift", *names)}


@pytest.fixture(scope="module")
def audited(fresh) -> AuditResult:
    return audit(fresh, np.random.default_rng(1))


def limited(found: AuditResult) -> list[tuple[Finding, Limit]]:
    """The measured findings with their limits."""
    measured = [f for f in found.findings if f.status is FindingStatus.MEASURED]
    return [(f, limit) for limit in load_policy("internal").limits for f in measured if limit.covers(f)]


def test_on_a_fresh_table_some_statistic_of_each_limit_would_stop_a_leak_of_its_size(audited):
    saw = {limit.title for f, limit in limited(audited) if sees(audited.calibration, f, limit)}
    assert {limit.title for _, limit in limited(audited)} == saw
    seen = {f.key for f, limit in limited(audited) if sees(audited.calibration, f, limit)}
    assert {"replay.excess_records", COPIED, "membership.plain_k1_auc", PLAIN_RATE, "vulnerable.auc"} <= seen
    assert {"vulnerable.excess_reproduced", "every_cell.nearest", "linkability.k1", "singling_out.pooled"} <= seen


def test_each_attack_met_a_plant_of_the_size_of_its_limit(audited):
    for finding, limit in limited(audited):
        assert trial_at_limit(audited.calibration, finding, limit) is not None, finding.key


@pytest.mark.parametrize("name", policies())
def test_every_gating_finding_of_the_battery_has_a_limit_and_every_limit_an_attack(audited, name):
    limits = load_policy(name).limits
    gating = [f for f in audited.findings if f.gating]
    assert [f.key for f in gating if not any(limit.covers(f) for limit in limits)] == []
    assert [limit.gate for limit in limits if limit.unmet(gating) and not limit.may_be_left_out] == []


def test_planted_leaks_are_caught_by_those_who_can_see_them(audited):
    assert trial(audited, "replay.excess_records", Plant.COPIED_1).caught
    assert trial(audited, "membership.plain_k1_auc", Plant.JITTERED_COPY).caught
    assert trial(audited, "membership.plain_k1_auc", Plant.COPIED_10).caught
    assert trial(audited, "vulnerable.auc", Plant.OUTLIERS).caught
    assert trial(audited, "vulnerable.excess_reproduced", Plant.OUTLIERS).caught
    assert trial(audited, COPIED, Plant.COPIED_1).caught
    assert not trial(audited, COPIED, Plant.FRESH).caught
    assert not trial(audited, "vulnerable.intersection_auc", Plant.FRESH).caught
    measured = [f for f in audited.findings if f.status is FindingStatus.MEASURED and f.attack not in CHECKS]
    assert all(f.minimum_detectable is not None for f in measured)


@pytest.mark.parametrize("synthetic", [3000, 500])
def test_plants_have_the_size_of_the_limit_whatever_the_size_of_the_synthetic_table(synthetic, monkeypatch):
    """In tables of more than 20,000 records only a part of train is under attack, and all of the synthetic table."""
    monkeypatch.setattr("privacy.evidence.MOST_RECORDS", 1000)
    monkeypatch.setattr("privacy.evidence.FEWEST_RECORDS", 500)
    tables = adult.fresh(27, n=3000, reference=1500)
    tables = replace(tables, synthetic=tables.synthetic.head(synthetic))
    found = audit(tables, np.random.default_rng(1), attacks=only("replay", "singling_out"))
    assert found.sizes["attacked"] == 1000
    for key in ("replay.excess_records", "replay.copied_share"):
        assert trial(found, key, Plant.COPIED_1).value == pytest.approx(0.01, abs=0.004), key
    assert trial(found, "singling_out.univariate", Plant.COPIED_10).value > 0.03
    told = [(each.key, each.plant) for each in found.calibration]
    assert len(told) == len(set(told))


def test_fresh_rows_pass(audited):
    decision = decide(audited, load_policy("internal"))
    assert decision.verdict is Verdict.PASS, decision.reasons


def test_fresh_rows_of_the_reference_raise_few_alarms(audited):
    alarms = [t for t in audited.calibration if t.plant is Plant.FRESH and t.caught]
    tried = [t for t in audited.calibration if t.plant is Plant.FRESH]
    assert len(tried) >= 20
    assert len(alarms) <= 4


def test_the_same_seed_gives_the_same_audit(small):
    """Whatever the number of threads: each attack draws numbers of its own on each table."""
    tried = only("replay", "membership", "proximity", "classifier", "attribute")
    one, other = (audit(small, np.random.default_rng(1), attacks=tried, workers=n).to_json() for n in (2, 1))
    assert one == other


def test_an_attack_finds_the_same_whichever_others_are_run(small):
    alone, together = (
        audit(small, np.random.default_rng(1), attacks=only(*names), planting=False)
        for names in (["membership"], ["replay", "membership", "proximity"])
    )
    assert [f for f in together.findings if f.attack == "membership"] == list(alone.findings[1:])


def test_the_result_is_json_and_holds_no_cell_of_the_data(fresh, audited):
    text = json.dumps(audited.to_json(), allow_nan=False)
    words = {w for c in ("occupation", "native_country", "workclass") for w in fresh.train[c].unique() if len(w) > 3}
    assert not [word for word in words if word in text]


def test_ties_do_not_blind_the_plain_rate():
    """Without fnlwgt one record in twenty has a twin: several of holdout share the best score with the copies."""
    tables = adult.without(adult.fresh(22, n=2500, reference=2000), "fnlwgt")
    found = audit(adult.copied(tables, 1.0), np.random.default_rng(2), attacks=only("replay", "membership"))
    assert finding(found, PLAIN_RATE).lower > 0.1
    assert any(f.key == PLAIN_RATE and sees(found.calibration, f, limit) for f, limit in limited(found))
    assert finding(found, "membership.calibrated_k1_tpr_at_1_percent").lower > 0.1
    assert decide(found, load_policy("partner")).verdict is Verdict.BLOCK


def test_ties_counted_as_holdout_would_pass_five_per_cent_copied():
    """The strict share of a common library stays below one half; ours counts ties one half."""
    tables = adult.copied(adult.without(adult.fresh(23, n=3000), "fnlwgt"), 0.05)
    near = gather(tables, np.random.default_rng(0))
    from privacy.distance import nearest

    train = nearest(near.synthetic, near.train, 1).distances[:, 0]
    holdout = nearest(near.synthetic, near.holdout, 1).distances[:, 0]
    assert (train < holdout).mean() < 0.5
    assert replay(near)[0].lower > 0.02


def test_a_crashed_attack_is_void_and_the_others_go_on(small):
    def broken(evidence, rng):
        raise RuntimeError("a cell of the data: Exec-managerial")

    found = audit(small, np.random.default_rng(3), attacks={**ATTACKS, "membership": broken}, planting=False)
    failed = [f for f in found.findings if f.status is FindingStatus.FAILED]
    assert [f.attack for f in failed] == ["membership"]
    assert "RuntimeError" in failed[0].note
    assert "Exec-managerial" not in json.dumps(found.to_json())
    assert finding(found, "replay.excess_records").status is FindingStatus.MEASURED
    assert decide(found, load_policy("internal")).verdict is Verdict.VOID


def test_a_crash_does_not_hide_a_proven_leak(fresh):
    def broken(evidence, rng):
        raise ValueError

    found = audit(
        adult.copied(fresh, 0.2), np.random.default_rng(3), attacks={**ATTACKS, "vulnerable": broken}, planting=False
    )
    decision = decide(found, load_policy("internal"))
    assert decision.verdict is Verdict.BLOCK
    assert any("vulnerable" in reason for reason in decision.reasons)


def test_attacks_on_a_wide_table_have_more_time() -> None:
    """What they do grows with the columns, and an attack without a result voids the audit of an honest table."""

    def wide(columns: int) -> TableSchema:
        return TableSchema(columns=tuple(ColumnSpec(name=f"c{n}", kind=ColumnKind.NUMERICAL) for n in range(columns)))

    assert limit_for(wide(3)) == limit_for(wide(50))
    assert limit_for(wide(1_000)) == 20 * limit_for(wide(50))


def test_an_attack_that_takes_too_long_is_void(small):
    found = audit(small, np.random.default_rng(3), attacks=only("replay"), planting=False, limit_s=0.0)
    failed = [f for f in found.findings if f.status is FindingStatus.FAILED]
    assert [f.key for f in failed] == ["drift.timed_out", "replay.timed_out"]
    assert "timed out" in failed[0].note
    assert decide(found, load_policy("internal")).verdict is Verdict.VOID


def test_an_attack_that_crashes_on_its_plant_is_blind(small):
    seen = []

    def brittle(evidence, rng):
        seen.append(len(evidence.synthetic))
        if len(seen) > 1:
            raise ValueError
        return ATTACKS["membership"](evidence, rng)

    found = audit(small, np.random.default_rng(3), attacks={"membership": brittle})
    assert len(seen) > 5
    assert found.blind == {f.key for f in found.findings if f.status is FindingStatus.MEASURED}


def test_what_progress_raises_ends_the_audit(small):
    class CancelledError(Exception):
        pass

    def cancel(stage: str, fraction: float) -> None:
        if stage.startswith("attack: membership"):
            raise CancelledError

    with pytest.raises(CancelledError):
        audit(small, np.random.default_rng(3), progress=cancel, attacks=only("replay", "membership"))


def test_progress_goes_up_to_one(small):
    seen: list[float] = []
    audit(small, np.random.default_rng(3), progress=lambda _, done: seen.append(done), attacks=only("membership"))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_drifted_holdout_is_void():
    found = audit(adult.drifted(adult.fresh(24, n=2500)), np.random.default_rng(4), planting=False)
    assert decide(found, load_policy("internal")).verdict is Verdict.VOID


def test_two_hundred_held_back_are_insufficient_but_do_not_hide_a_copy():
    small = adult.fresh(25, n=2000, holdout=200, reference=600)
    found = audit(small, np.random.default_rng(5), planting=False)
    assert decide(found, load_policy("internal")).verdict is Verdict.INSUFFICIENT
    leaking = audit(adult.copied(small, 0.5), np.random.default_rng(5), planting=False)
    assert decide(leaking, load_policy("internal")).verdict is Verdict.BLOCK


def test_nothing_passes_without_self_calibration(small):
    found = audit(small, np.random.default_rng(1), planting=False)
    assert decide(found, load_policy("internal")).verdict is not Verdict.PASS


def person_tables(records: int, people: int, *, leak: bool) -> AuditTables:
    """Each person has many identical records, so that records are far from independent."""
    rng = np.random.default_rng(6)
    schema = TableSchema(
        columns=(
            ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
            ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
            ColumnSpec(name="y", kind=ColumnKind.NUMERICAL),
        )
    )

    def draw(offset: int) -> pd.DataFrame:
        values = rng.standard_normal((people, 2))
        who = rng.integers(0, people, records)
        return pd.DataFrame({"who": who + offset, "x": values[who, 0], "y": values[who, 1]})

    train, holdout, other = draw(0), draw(10**6), draw(2 * 10**6)
    return AuditTables(train=train, holdout=holdout, synthetic=train if leak else other, schema=schema)


def test_records_of_one_person_count_once():
    found = audit(person_tables(5000, 300, leak=False), np.random.default_rng(7), planting=False)
    assert found.sizes["holdout"] <= 300
    assert decide(found, load_policy("internal")).verdict is Verdict.INSUFFICIENT


def test_a_table_about_a_single_person_gives_reasons_and_never_a_pass():
    tables = person_tables(400, 1, leak=True)
    found = audit(tables, np.random.default_rng(7))
    assert (found.sizes["train"], found.sizes["holdout"]) == (1, 1)
    assert decide(found, load_policy("internal")).verdict in {Verdict.INSUFFICIENT, Verdict.VOID, Verdict.BLOCK}
    assert all(f.note for f in found.findings if f.value is None)


def visits(people: int, each: int, first: int) -> pd.DataFrame:
    """`each` different records per person."""
    rng = np.random.default_rng(first)
    who = np.repeat(np.arange(people) + first, each)
    return pd.DataFrame({"who": who, "x": rng.standard_normal(len(who)), "y": rng.standard_normal(len(who))})


def with_visits(copied: int, *, people: int = 400, each: int = 10) -> AuditTables:
    """The first `copied` records of train, with all ten of each person, are in the synthetic table."""
    train, holdout, other = (visits(people, each, first) for first in (0, 10**6, 2 * 10**6))
    synthetic = pd.concat([train.iloc[:copied], other.iloc[copied:]])
    schema = person_tables(10, 5, leak=False).schema
    return adult.with_synthetic(AuditTables(train=train, holdout=holdout, synthetic=other, schema=schema), synthetic)


def test_copies_are_counted_over_all_records_of_a_person_and_their_interval_over_people():
    found = finding(audit(with_visits(200), np.random.default_rng(7), attacks=only("replay"), planting=False), COPIED)
    assert found.details["equal_to_train"] == 200
    assert found.details["design_effect"] == 10
    assert found.details["unique_in_train"] == 400
    assert found.value == pytest.approx(200 / 4000)
    assert found.lower < 0.035
    assert found.lower > 0.005


def test_a_table_without_a_person_column_counts_records_as_people():
    tables = with_visits(200)
    schema = TableSchema(columns=tuple(replace(c, role=ColumnRole.FEATURE) for c in tables.schema))
    frames = dict(tables.named())
    found = audit(
        AuditTables(**frames, schema=schema), np.random.default_rng(7), attacks=only("replay"), planting=False
    )
    assert finding(found, COPIED).details["design_effect"] == 1
    assert finding(found, COPIED).details["unique_in_train"] == 4000


def test_identifiers_are_never_compared():
    tables = person_tables(3000, 2000, leak=False)
    synthetic = tables.synthetic.copy()
    synthetic["who"] = tables.train["who"].to_numpy()
    found = audit(adult.with_synthetic(tables, synthetic), np.random.default_rng(8), planting=False)
    assert finding(found, "replay.excess_values").upper < 0.02


PLANTED = ("missing and infinite", "one synthetic row")
"""Self-calibration on all of them would take minutes; tests of the attacks try each on more awkward tables."""


def awkward(name: str) -> AuditTables:
    rng = np.random.default_rng(9)
    n = 600

    def frame() -> pd.DataFrame:
        if name == "all equal":
            return pd.DataFrame({"a": np.ones(n), "b": ["x"] * n})
        if name == "only categories":
            return pd.DataFrame({"a": rng.choice(list("xyz"), n), "b": rng.choice(["p", None], n)})
        if name == "missing and infinite":
            a = rng.standard_normal(n)
            a[:50], a[50:60], a[60:70] = np.nan, np.inf, -np.inf
            return pd.DataFrame({"a": a, "b": rng.choice(["p", "q"], n)})
        if name == "dates":
            moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, n), unit="s")
            column = pd.Series(moments).mask(rng.random(n) < 0.1)
            return pd.DataFrame({"a": column, "b": pd.array(rng.integers(-5, 5, n), dtype="Int64")})
        return pd.DataFrame({"a": np.full(n, np.nan), "b": rng.standard_normal(n)})

    frames = [frame() for _ in range(4)]
    kinds = {
        "a": ColumnKind.DATETIME if name == "dates" else ColumnKind.NUMERICAL,
        "b": ColumnKind.NUMERICAL if name in {"dates", "all missing"} else ColumnKind.CATEGORICAL,
    }
    if name == "only categories":
        kinds["a"] = ColumnKind.CATEGORICAL
    schema = TableSchema(columns=tuple(ColumnSpec(name=c, kind=k) for c, k in kinds.items()))
    synthetic = frames[3].iloc[:1] if name == "one synthetic row" else frames[3]
    return AuditTables(train=frames[0], holdout=frames[1], reference=frames[2], synthetic=synthetic, schema=schema)


@pytest.mark.parametrize(
    "name", ["all equal", "only categories", "missing and infinite", "dates", "all missing", "one synthetic row"]
)
def test_awkward_tables_give_findings_or_reasons_and_never_a_crash(name):
    if name == "one synthetic row":
        base = awkward("missing and infinite")
        tables = adult.with_synthetic(base, base.synthetic.iloc[:1])
    else:
        tables = awkward(name)
    found = audit(tables, np.random.default_rng(10), planting=name in PLANTED)
    assert not [f for f in found.findings if f.status is FindingStatus.FAILED]
    assert all(f.note for f in found.findings if f.status is FindingStatus.NOT_APPLICABLE)
    json.dumps(found.to_json(), allow_nan=False)
    assert decide(found, load_policy("internal")).verdict is not Verdict.BLOCK


def test_a_table_without_reference_says_so_and_still_has_the_plain_attacks(small):
    tables = AuditTables(train=small.train, holdout=small.holdout, synthetic=small.synthetic, schema=small.schema)
    found = audit(tables, np.random.default_rng(11), planting=False)
    assert finding(found, "membership.calibrated_k1_auc").status is FindingStatus.NOT_APPLICABLE
    assert finding(found, "membership.plain_k1_auc").status is FindingStatus.MEASURED


def test_the_audit_loads_no_torch_and_no_service():
    code = "import sys, privacy.policy; sys.exit(any(m in sys.modules for m in ('torch', 'fastapi', 'sqlalchemy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=adult.FILE.parents[1]).returncode == 0


def by_key(tables: AuditTables, **named) -> dict[str, object]:
    """What attribute inference and linkability find where a reviewer named columns, by statistic."""
    attacks = {name: attacks_for(tables.schema, **named)[name] for name in ("attribute", "linkability")}
    found = audit(tables, np.random.default_rng(4), attacks=attacks, planting=False)
    return {f.key: f for f in found.findings}


def test_what_a_sender_names_is_attacked_beside_what_the_attacks_choose(small):
    own, both = by_key(small), by_key(small, secrets=("sex",), source=("age", "education"))
    assert own.items() <= both.items(), "no figure changes because something else was named"
    added = {key: finding for key, finding in both.items() if key not in own}
    expected = {f"attribute.{method}:sex" for method in ("nearest", "boosting", "linear")}
    assert set(added) == {*expected, "linkability.named_source_k1", "linkability.named_source_k5"}
    assert added["linkability.named_source_k1"].note.startswith("A: age, education. B: workclass, ")
    assert all(finding.status is FindingStatus.MEASURED for finding in added.values())
    assert {key for key, finding in both.items() if finding.named} == set(added)


def test_a_secret_that_is_attacked_anyway_is_attacked_once(small):
    own = by_key(small)
    chosen = {key.partition(":")[2] for key in own if ":" in key}
    assert by_key(small, secrets=tuple(chosen)) == own


def test_every_finding_on_a_named_column_is_judged_by_every_policy(small):
    for finding in by_key(small, secrets=("sex",), source=("age",)).values():
        for name in policies():
            assert any(limit.covers(finding) for limit in load_policy(name).limits), (name, finding.key)


def test_a_constant_secret_is_not_applicable_and_says_why(small):
    constant = adult.with_synthetic(small, small.synthetic.assign(sex="Male"))
    constant = replace(
        constant, train=small.train.assign(sex="Male"), holdout=small.holdout.assign(sex="Male"), reference=None
    )
    found = by_key(constant, secrets=("sex",))["attribute.nearest:sex"]
    assert (found.status, found.note) == (FindingStatus.NOT_APPLICABLE, "The column is constant.")


@pytest.mark.parametrize("named", [{"secrets": ("salary",)}, {"source": ("salary",)}])
def test_a_named_column_that_is_not_there_is_refused(small, named):
    with pytest.raises(AuditInputError, match="salary"):
        attacks_for(small.schema, **named)


def test_a_named_secret_that_leaks_is_found_though_the_attack_would_have_chosen_others(small):
    """The plant: train with the two secrets that the attack chooses by itself redrawn, so that they are not told."""
    own = {key.partition(":")[2] for key in by_key(small) if ":" in key}
    assert "education" not in own
    rng = np.random.default_rng(3)
    redrawn = {name: rng.permutation(small.train[name].to_numpy()) for name in own}
    leaking = replace(adult.with_synthetic(small, small.train.assign(**redrawn)), reference=None)
    found = by_key(leaking, secrets=("education",))
    assert found["attribute.nearest:education"].lower > 0.1
    assert all(found[f"attribute.nearest:{name}"].lower < 0.1 for name in own)
    assert "attribute.nearest:education" not in by_key(leaking)
