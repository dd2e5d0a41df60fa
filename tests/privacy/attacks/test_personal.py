"""Real e-mails, telephones, identifiers, names and sentences are found however they are written, fresh ones are not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from privacy.attacks.personal import personal
from privacy.audit import ATTACKS, AuditResult, audit
from privacy.evidence import Evidence, gather
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.lookups import LookUp, Side, Sought
from privacy.passages import are_words
from privacy.plants import Plant
from privacy.policy import decide, load_policy
from privacy.searches import look_ups
from privacy.threat import AuditTables
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from tests.privacy import people

Change = Callable[[pd.DataFrame], dict[str, object]]
PROVE = ("shared_values", "shared_patterns", "shared_text")


@cache
def some_evidence() -> Evidence:
    return gather(people.tables(0, n=50, holdout=50), np.random.default_rng(0))


def found(tables: AuditTables) -> dict[str, Finding]:
    """What the look-ups find, without the distances, which they do not read."""
    evidence = replace(some_evidence(), look_ups=look_ups(tables))
    return {finding.statistic: finding for finding in personal(evidence)}


def proven(findings: dict[str, Finding]) -> set[str]:
    return {name for name in PROVE if (findings[name].lower or 0.0) > 0}


def alarms(findings: dict[str, Finding]) -> set[str]:
    """What a policy would not pass, whether it is proven or not."""
    return {name for name in PROVE if (findings[name].upper or 0.0) > 0}


def leaking(tables: AuditTables, count: int, change: Change) -> AuditTables:
    """The tables with so many synthetic rows changed to what `change` makes of as many of train's."""
    synthetic = tables.synthetic.copy()
    for name, values in change(tables.train.iloc[:count]).items():
        synthetic.loc[: count - 1, name] = np.asarray(values)
    return replace(tables, synthetic=synthetic)


def digest(texts: pd.Series, name: str) -> pd.Series:
    return texts.map(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())


def moved_by(table: pd.DataFrame, by: int) -> list[str]:
    return [f"{int(text) + by:08d}" for text in table.customer_id]


LEAKS: dict[str, tuple[int, str, Change]] = {
    "every e-mail and telephone": (1000, "shared_values", lambda t: {"email": t.email, "phone": t.phone}),
    "one per cent of the e-mails": (10, "shared_values", lambda t: {"email": t.email}),
    "e-mails of another domain": (
        20,
        "shared_patterns",
        lambda t: {"email": t.email.str.replace("@.*", "@other.invalid", regex=True)},
    ),
    "e-mails with a tag": (20, "shared_patterns", lambda t: {"email": t.email.str.upper().str.replace("@", "+news@")}),
    "national telephones": (
        20,
        "shared_patterns",
        lambda t: {"phone": "0" + t.phone.str[4:].str.replace(" ", "/")},
    ),
    "e-mails in a note": (20, "shared_patterns", lambda t: {"note": "please write to " + t.email + " on Monday"}),
    "identifiers in a note": (20, "shared_patterns", lambda t: {"note": "contract no. " + t.customer_id}),
    "identifiers": (20, "shared_values", lambda t: {"customer_id": t.customer_id}),
    "identifiers without zeros": (60, "shared_values", lambda t: {"customer_id": t.customer_id.str.lstrip("0")}),
    "e-mails with [at]": (20, "shared_patterns", lambda t: {"email": t.email.str.replace("@", " [at] ")}),
    "e-mails with (at) and (dot)": (
        20,
        "shared_patterns",
        lambda t: {"email": t.email.str.replace("@", "(at)").str.replace(r"\.(?=\w+$)", "(dot)", regex=True)},
    ),
    "e-mails with at in words": (20, "shared_patterns", lambda t: {"note": "to " + t.email.str.replace("@", " at ")}),
    "e-mails as MD5": (20, "shared_patterns", lambda t: {"email": digest(t.email, "md5")}),
    "e-mails as SHA-256 in another column": (
        20,
        "shared_patterns",
        lambda t: {"customer_id": digest(t.email, "sha256")},
    ),
    "identifiers as SHA-1 in capitals": (
        20,
        "shared_patterns",
        lambda t: {"customer_id": digest(t.customer_id, "sha1").str.upper()},
    ),
    "identifiers backwards": (20, "shared_patterns", lambda t: {"customer_id": t.customer_id.str[::-1]}),
    "e-mails in base64": (
        20,
        "shared_patterns",
        lambda t: {"email": [base64.b64encode(text.encode()).decode() for text in t.email]},
    ),
    "the beginning of e-mails as SHA-256": (
        20,
        "shared_patterns",
        lambda t: {"email": digest(t.email, "sha256").str[:12]},
    ),
    "identifiers plus one": (60, "shared_values", lambda t: {"customer_id": moved_by(t, 1)}),
    "identifiers plus a large number": (1000, "shared_values", lambda t: {"customer_id": moved_by(t, 77_777_777)}),
    "sorted identifiers": (1000, "shared_values", lambda t: {"customer_id": t.customer_id.sort_values()}),
    "reused identifiers": (1000, "shared_values", lambda t: {"customer_id": np.resize(t.customer_id[:50], 1000)}),
    "names the other way round": (20, "shared_values", lambda t: {"first": t["last"], "last": t["first"]}),
    "names in a note": (
        20,
        "shared_patterns",
        lambda t: {"note": "spoke to " + t["last"].str.upper() + ", " + t["first"]},
    ),
    "last names as e-mails": (60, "shared_patterns", lambda t: {"email": t["first"] + " " + t["last"]}),
    "part of a note": (60, "shared_text", lambda t: {"note": "Memo! " + t.note.str.upper().str[-40:] + " Done."}),
}


@pytest.mark.parametrize("name", LEAKS)
def test_real_personal_data_on_fresh_rows_is_found(name):
    count, statistic, change = LEAKS[name]
    assert statistic in proven(found(leaking(people.tables(1), count, change)))


def test_personal_data_of_a_kind_that_holdout_lacks_is_left_to_a_person():
    """Nothing can be proven without a control, and five real e-mails must not pass for want of one."""
    tables = people.tables(1)
    bare = {"email": None, "note": None}
    alone = replace(tables, holdout=tables.holdout.assign(**bare), synthetic=tables.synthetic.assign(**bare))
    quiet = found(alone)["without_control"]
    assert quiet.n >= 1000
    assert quiet.upper == 0.0
    told = found(leaking(alone, 5, lambda t: {"email": t.email}))["without_control"]
    assert told.upper is not None
    assert told.upper > 0
    assert told.lower == 0.0
    assert found(tables)["without_control"].status is FindingStatus.NOT_APPLICABLE


def test_one_chance_find_does_not_explain_nine():
    held = Side(keys=np.arange(100, dtype=np.uint64), units=np.arange(100), strata=np.zeros(100, dtype=np.intp))
    other = replace(held, keys=held.keys + np.uint64(1000))
    look_up = LookUp(
        sought=Sought.PATTERNS,
        name="e-mails",
        columns=("email",),
        train=held,
        holdout=other,
        published=np.array([*range(9), 1000], dtype=np.uint64),
    )
    findings = {f.statistic: f for f in personal(replace(some_evidence(), look_ups=(look_up,)))}
    assert findings["shared_patterns"].upper > 0
    even = replace(look_up, published=np.array([*range(3), 1000, 1001], dtype=np.uint64))
    findings = {f.statistic: f for f in personal(replace(some_evidence(), look_ups=(even,)))}
    assert findings["shared_patterns"].upper == 0.0


def looked_up(found_of_train: int, *, exclusive: bool, common: int = 0) -> LookUp:
    held = Side(keys=np.arange(100, dtype=np.uint64), units=np.arange(100), strata=np.zeros(100, dtype=np.intp))
    return LookUp(
        sought=Sought.VALUES,
        name="a column",
        columns=("a column",),
        train=held,
        holdout=replace(held, keys=held.keys + np.uint64(1000)),
        published=np.arange(found_of_train, dtype=np.uint64),
        common=common,
        odds=1 / 3,
        exclusive=exclusive,
    )


@pytest.mark.parametrize(
    ("number", "exclusive", "common", "passes"),
    [(1, True, 0, False), (1, False, 0, True), (2, False, 0, False), (1, True, 2, True), (9, False, 2, False)],
)
def test_a_namesake_may_be_chance_and_a_single_address_is_not(number, exclusive, common, passes):
    """One name that train and the synthetic table share proves nothing; two do where nobody else shares one."""
    look_up = looked_up(number, exclusive=exclusive, common=common)
    findings = {f.statistic: f for f in personal(replace(some_evidence(), look_ups=(look_up,)))}
    assert (findings["shared_values"].upper == 0.0) == passes
    assert (findings["shared_by_chance"].value is not None) == passes, "what chance explains is shown all the same"


@pytest.mark.parametrize("value", ["ID-4711", "CUST 00123", "QXZPLM", "jsmith_k", "anna@example.org"])
def test_codes_are_not_taken_for_names(value):
    assert not are_words([value] * 10)
    assert are_words(["Ann Lee", "Bo van Dijk"])


def namesakes(seed: int) -> AuditTables:
    """People of common names, streets and days of birth, all of whom some strangers share."""
    rng = np.random.default_rng(seed)
    frames = {}
    for name in ("train", "holdout", "synthetic", "reference"):
        first = (1 / rng.random(1000)).astype(int) % 60
        last = (20 / rng.random(1000)).astype(int) % 3000
        born = pd.Timestamp("1940-01-01") + pd.to_timedelta(rng.integers(0, 24_000, 1000), unit="D")
        frames[name] = pd.DataFrame(
            {
                "name": [f"{people.SYLLABLES[a % 40]}na {syllables(b)}" for a, b in zip(first, last, strict=True)],
                "birth": born.strftime("%Y-%m-%d"),
                "street": [f"{syllables(a)} road {b}" for a, b in rng.integers(1, (500, 90), (1000, 2))],
            }
        )
    frame = frames["train"]
    spec = replace(people.schema().columns[2], kind=ColumnKind.IDENTIFIER, role=ColumnRole.FEATURE)
    columns = tuple(replace(spec, name=name) for name in frame)
    schema = TableSchema(columns=(*columns, replace(people.schema()["age"], name="age")))
    return AuditTables(
        **{name: each.assign(age=rng.integers(18, 90, 1000)) for name, each in frames.items()}, schema=schema
    )


def syllables(number: int) -> str:
    """A word of its own for each number."""
    return "".join(people.SYLLABLES[number // 40**place % 40] for place in range(3))


def test_namesakes_are_no_leak():
    draws = [found(namesakes(seed)) for seed in range(20)]
    assert sum(bool(alarms(findings)) for findings in draws) <= 3  # P(more of 20 at 5 %) < 0.02
    assert sum(bool(proven(findings)) for findings in draws) <= 2  # P(more of 20 at 2.5 %) < 0.02


@pytest.mark.parametrize("dtype", ["string", "category"])
def test_text_is_searched_whatever_its_dtype(dtype):
    """In columns that are no identifiers, too."""
    tables = people.tables(1)
    leak = leaking(tables, 20, lambda t: {"note": "please write to " + t.email + " on Monday"})
    category = replace(people.schema()["note"], kind=ColumnKind.CATEGORICAL, role=ColumnRole.FEATURE, form=None)
    columns = tuple(category if column.name == "note" else column for column in tables.schema)
    for each, expected in ((leak, {"shared_patterns"}), (tables, set())):
        typed = {name: frame.assign(note=frame.note.astype(dtype)) for name, frame in each.named()}
        assert proven(found(replace(each, **typed, schema=TableSchema(columns=columns)))) == expected


def test_fresh_people_hardly_ever_share_anything():
    """Though they share a hotline, mail domains, first names and the sentence of half of the notes."""
    draws = [found(people.tables(seed, n=500, holdout=500)) for seed in range(30)]
    assert sum(bool(alarms(findings)) for findings in draws) <= 5  # P(more of 30 at 5 %) < 0.01
    assert sum(bool(proven(findings)) for findings in draws) <= 3
    assert not [findings for findings in draws if "shared_patterns" in alarms(findings)]


SILENT: dict[str, Change] = {
    "surrogates": lambda t: {"customer_id": [f"CustomerID-{i:06d}" for i in range(1, len(t) + 1)]},
    "a counter": lambda t: {"customer_id": range(1, len(t) + 1)},
    "one value": lambda t: {"customer_id": ["00000000"] * len(t), "email": ["info@example.org"] * len(t)},
    "blanks": lambda t: {"customer_id": [None] * len(t), "email": [" "] * len(t), "note": [None] * len(t)},
    "digests of strangers' e-mails": lambda t: {"email": digest(t.email + ".invalid", "md5")},
    "digests of numbers": lambda t: {"customer_id": digest(pd.Series(range(len(t))).astype(str), "sha256")},
    "numbers that follow one another": lambda t: {"customer_id": [str(70_000_000 + 3 * i) for i in range(len(t))]},
    "boilerplate": lambda t: {"note": [people.BOILERPLATE] * len(t)},
}


@pytest.mark.parametrize("name", SILENT)
def test_what_tells_nothing_of_anybody_raises_no_alarm(name):
    tables = people.tables(2)
    findings = found(leaking(tables, 1000, SILENT[name]))
    assert alarms(findings) <= alarms(found(tables))
    if name in ("surrogates", "a counter"):
        assert "plain counter" in findings["shared_values"].note
        assert "customer_id" in findings["shared_values"].note


def test_numbers_of_a_counted_table_that_was_divided_by_order_are_no_leak_and_of_one_that_was_shuffled_are():
    tables = people.tables(3)
    counted = [str(i) for i in range(1, 2001)]
    in_order = replace(
        tables,
        train=tables.train.assign(customer_id=counted[:1000]),
        holdout=tables.holdout.assign(customer_id=counted[1000:]),
        synthetic=tables.synthetic.assign(customer_id=counted[:1000]),
    )
    assert alarms(found(in_order)) <= alarms(found(tables))
    counted = list(np.random.default_rng(0).permutation(counted))
    shuffled = replace(
        tables,
        train=tables.train.assign(customer_id=counted[:1000]),
        holdout=tables.holdout.assign(customer_id=counted[1000:]),
        synthetic=tables.synthetic.assign(customer_id=sorted(counted[:1000])),
    )
    assert proven(found(shuffled)) >= {"shared_values"}


def test_public_codes_that_strangers_hold_as_well_are_chance():
    tables, rng = people.tables(4), np.random.default_rng(0)
    codes = [f"N{i:05d}" for i in range(3000)]
    drawn = {name: frame.assign(customer_id=rng.choice(codes, len(frame))) for name, frame in tables.named()}
    findings = found(replace(tables, **drawn))
    assert proven(findings) == set()
    assert findings["shared_by_chance"].value is not None
    assert findings["shared_by_chance"].upper > 0.01


@pytest.mark.parametrize("is_named", [True, False])
def test_people_with_several_records_each_are_looked_up_whether_they_are_named_or_not(is_named):
    """Six visits each: without a person column an e-mail stands in six records of train and still is one person's."""
    tables = people.tables(5, n=300, holdout=300)
    visits = {
        name: frame.loc[frame.index.repeat(6 if name != "synthetic" else 1)].reset_index(drop=True)
        for name, frame in tables.named()
    }
    schema = tables.schema.with_roles(person="customer_id") if is_named else tables.schema
    several = replace(tables, **visits, schema=schema)
    assert proven(found(several)) == set()
    real = several.train.email.drop_duplicates()[:30].to_numpy()
    synthetic = several.synthetic.copy()
    synthetic.loc[:29, "email"] = real
    findings = found(replace(several, synthetic=synthetic))
    assert proven(findings) >= {"shared_values", "shared_patterns"}
    assert findings["shared_values"].details["train_found[email]"] == 30


def test_few_finds_are_no_proof_and_not_within_the_limit():
    few = found(leaking(people.tables(6), 3, lambda t: {"email": t.email}))
    assert proven(few) == set()
    assert few["shared_values"].upper == pytest.approx(0.003)
    assert few["shared_values"].details["train_found[email]"] == 3


def test_findings_hold_no_value_of_the_data():
    leak = leaking(people.tables(7), 1000, lambda t: {"email": t.email, "note": t.note})
    said = json.dumps([finding.to_json() for finding in found(leak).values()], allow_nan=False).lower()
    for name in ("email", "last", "phone", "note", "customer_id"):
        assert not [value for value in leak.train[name] if value.lower() in said]


def audited(tables: AuditTables) -> AuditResult:
    return audit(tables, np.random.default_rng(1), attacks={name: ATTACKS[name] for name in ("drift", "personal")})


def test_each_statistic_sees_its_plant_on_a_fresh_table_and_a_leak_blocks_by_name():
    clean = audited(people.tables(8))
    measured = {f.key for f in clean.findings if f.status is FindingStatus.MEASURED and f.gating}
    assert measured >= {f"personal.{sought.value}" for sought in Sought}
    assert not clean.blind & measured
    assert not [t for t in clean.calibration if t.caught and t.plant is not Plant.PERSONAL]
    leak = audited(leaking(people.tables(8), 20, lambda t: {"email": t.email}))
    decision = decide(leak, load_policy("internal"))
    assert decision.verdict is Verdict.BLOCK
    assert any("personal" in reason and "email" in reason for reason in decision.reasons)


def test_tables_without_text_and_with_odd_columns_have_nothing_to_look_up():
    tables = people.tables(9)
    bare = {name: frame[["age"]] for name, frame in tables.named()}
    schema = replace(tables.schema, columns=tuple(c for c in tables.schema if c.name == "age"))
    findings = found(replace(tables, **bare, schema=schema))
    assert {f.status for f in findings.values()} == {FindingStatus.NOT_APPLICABLE}
    assert look_ups(replace(tables, **bare, schema=schema)) == ()


def test_an_identifier_may_have_any_type_and_blank_cells():
    tables = people.tables(10)
    odd = {
        name: frame.assign(
            age=frame["age"].where(frame.index % 3 == 0),
            customer_id=pd.to_datetime("2020-01-01") + pd.to_timedelta(frame.customer_id.astype(int), unit="s"),
            hotline=None,
        )
        for name, frame in tables.named()
    }
    kinds = {"age": ColumnKind.IDENTIFIER, "hotline": ColumnKind.IDENTIFIER}
    schema = replace(
        tables.schema,
        columns=tuple(
            replace(c, kind=kinds.get(c.name, c.kind), role=ColumnRole.FEATURE) for c in tables.schema.columns
        ),
    )
    fresh = replace(tables, **odd, schema=schema)
    assert proven(found(fresh)) == set()
    assert "shared_values" in proven(found(leaking(fresh, 40, lambda t: {"customer_id": t.customer_id})))
