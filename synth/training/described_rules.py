"""Which rules between columns a training will keep, and which it finds but does not build in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from synth.encode.rules.plan import RulePlan
from synth.encode.rules.told import told_share
from synth.rules.rule import AnyRule
from synth.rules.share import share_of
from synth.rules.text import parse_rule, text_of_rule
from synth.table.people import people_of
from synth.table.schema import TableSchema
from synth.table.source import TableSource
from synth.table.values import parse


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleForecast:
    """What becomes of one rule."""

    rule: str
    origin: Literal["declared", "found", "often", "proposed"]
    """`often`: two columns are often the same, and it is learnt how often; `proposed`: kept only if it is declared"""
    share: float | None
    """Share of people who keep it, see `synth.encode.rules.told.told_share`: in steps of so many people that none of
    them is seen in it"""
    why: str


def described_rules(plan: RulePlan, table: TableSource, schema: TableSchema) -> Iterator[RuleForecast]:
    """The rules that are declared or found, how often columns are the same, then what else was found."""
    people = people_of(table, schema)

    def share(rule: AnyRule) -> float | None:
        cells = {}
        for name in rule.columns:
            column, spec = table.column(name), schema[name]
            cells[name] = parse(column, spec).values if spec.is_written else column
        return told_share(share_of(rule, cells, people))

    for each in plan.rules:
        origin: Literal["declared", "found"] = "declared" if each.declared else "found"
        yield RuleForecast(rule=text_of_rule(each.rule), origin=origin, share=share(each.rule), why="")
    for rule in plan.often:
        yield RuleForecast(rule=text_of_rule(rule), origin="often", share=share(rule), why="")
    for text, why in plan.proposed:
        yield RuleForecast(rule=text, origin="proposed", share=share(parse_rule(text)), why=why)
