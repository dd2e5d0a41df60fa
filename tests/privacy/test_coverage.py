"""What is said of the columns that an attack looked at is held against what the attack in fact reacts to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from privacy.audit import ATTACKS, AuditResult, audit
from privacy.coverage import unseen
from privacy.threat import AuditTables
from tests.privacy import people

NAMES = ("replay", "proximity", "membership", "personal")


def audited(tables: AuditTables) -> AuditResult:
    attacks = {name: ATTACKS[name] for name in NAMES}
    return audit(tables, np.random.default_rng(1), attacks=attacks, planting=False)


def reacting(one: AuditResult, other: AuditResult) -> set[str]:
    """The attacks, those on personal data by their statistic, whose findings differ."""
    figures = [{f.key: (f.attack, f.to_json()) for f in found.findings} for found in (one, other)]
    differ = [(key, attack) for key, (attack, said) in figures[0].items() if figures[1][key][1] != said]
    return {key if attack == "personal" else attack for key, attack in differ}


@pytest.fixture(scope="module")
def tables() -> AuditTables:
    return people.tables(1, n=600, holdout=600)


def test_exactly_the_attacks_that_are_said_to_look_at_a_column_react_to_train_in_it(tables):
    before = audited(tables)
    assert set(before.coverage) == set(tables.schema.names)
    for name in ("email", "phone", "customer_id", "age", "note"):
        leak = replace(tables, synthetic=tables.synthetic.assign(**{name: tables.train[name].to_numpy()}))
        after = reacting(before, audited(leak)) - {"personal.shared_by_chance"}
        assert after == set(before.coverage[name]), name


def test_a_column_in_which_neither_side_has_anything_alone_is_seen_by_nobody(tables):
    """Every telephone of train stands in holdout too: a find would prove nothing, so nothing is known."""
    same = tables.train["phone"].to_numpy()
    blind = replace(tables, holdout=tables.holdout.assign(phone=same))
    found = audited(blind)
    assert unseen(found.coverage) == ("phone",)
    assert unseen(audited(tables).coverage) == ()


def test_a_crash_looked_at_nothing(tables):
    def broken(evidence, rng):
        raise ValueError

    found = audit(tables, np.random.default_rng(1), attacks={"personal": broken}, planting=False)
    assert set(unseen(found.coverage)) == set(tables.schema.names)
