"""Which rules between columns the real table keeps, and which the synthetic one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from synth.detect.expected import expected_rules
from synth.detect.rules import find_rules_of_people
from synth.errors import RuleError
from synth.people import People
from synth.rules.rule import AnyRule
from synth.rules.share import Share, share_of
from synth.rules.text import text_of_rule
from synth.table.schema import ColumnRole, TableSchema

HOLDS = 0.999
"""A rule that a name leads one to expect holds where so many people keep it."""
LIKELY = 0.5
"""Where fewer keep it the names have another meaning."""
MOST_SHOWN = 100


class Origin(StrEnum):
    """Where a rule comes from."""

    DECLARED = "declared"
    FOUND = "found"
    """The table proves it, and it is kept"""
    PROPOSED = "proposed"
    """The table keeps it nearly always; it is not built in"""
    OFTEN = "often"
    """The table often keeps it, by two columns that are the same; it is learnt how often"""
    EXPECTED = "expected"
    """Names of columns lead a person to expect it, and the real table does not keep it"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleScore:
    """One rule, and the people who keep it."""

    rule: str
    origin: Origin
    built_in: bool
    """Whether every generated record keeps it by construction"""
    real: float | None
    """Share of real people learnt from who keep it, in [0, 1]; None where one can tell of nobody"""
    synthetic: float | None
    """Share of synthetic people, by the same count"""
    unknown: float
    """Share of real records in which a cell that it needs is missing"""
    why: str

    def to_json(self) -> dict[str, object]:
        """JSON values."""
        return {name: getattr(self, name) for name in ("rule", "built_in", "real", "synthetic", "unknown", "why")} | {
            "origin": self.origin.value
        }


def rule_scores(
    train: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    kept: Mapping[AnyRule, bool],
    rng: np.random.Generator,
    often: Sequence[AnyRule] = (),
) -> tuple[RuleScore, ...]:
    """The rules that are `kept` (and whether each was declared), found but not kept, often kept, and expected.

    `often` are those of which it was learnt how often they are kept.

    Both tables hold values. A person keeps a rule whose every record does, in either table; without a person column
    each record counts as a person.
    """
    person = schema.with_role(ColumnRole.PERSON)
    people, others = _people(train, person), _people(synthetic, person)
    wanted: list[tuple[AnyRule, Origin, str]] = [
        (rule, Origin.DECLARED if declared else Origin.FOUND, "") for rule, declared in kept.items()
    ]
    whom = np.arange(len(train), dtype=np.int64) if people is None else people
    found = find_rules_of_people(train.__getitem__, schema, whom, rng)
    wanted += [(each.rule, Origin.PROPOSED, each.why) for each in found if each.rule not in kept]
    known = {rule for rule, _, _ in wanted}
    wanted += [(rule, Origin.OFTEN, "") for rule in often if rule not in known]
    known = {rule for rule, _, _ in wanted}
    wanted += [(rule, Origin.EXPECTED, "") for rule in expected_rules(schema) if rule not in known]
    scores = (_scored(each, train, synthetic, people, others) for each in wanted)
    return tuple(score for score in scores if score is not None and _is_told(score))[:MOST_SHOWN]


def _scored(
    wanted: tuple[AnyRule, Origin, str],
    train: pd.DataFrame,
    synthetic: pd.DataFrame,
    people: People | None,
    others: People | None,
) -> RuleScore | None:
    rule, origin, why = wanted
    try:
        real = share_of(rule, _cells(train, rule.columns), people)
        made = share_of(rule, _cells(synthetic, rule.columns), others, known=train)
    except RuleError:
        return None
    return RuleScore(
        rule=text_of_rule(rule),
        origin=origin,
        built_in=origin in {Origin.DECLARED, Origin.FOUND},
        real=real.kept,
        synthetic=made.kept,
        unknown=_unknown(real, len(train)),
        why=why,
    )


def _people(table: pd.DataFrame, person: str | None) -> People | None:
    """(records,) whom each record is about, numbered from 0; None where the schema names nobody."""
    return None if person is None else pd.factorize(table[person], use_na_sentinel=False)[0].astype(np.int64)


def _cells(table: pd.DataFrame, columns: Sequence[str]) -> dict[str, pd.Series]:
    return {name: table[name] for name in columns}


def _unknown(share: Share, records: int) -> float:
    return share.unknown / records if records else 0.0


def _is_told(score: RuleScore) -> bool:
    if score.origin is not Origin.EXPECTED:
        return True
    return score.real is not None and LIKELY <= score.real < HOLDS
