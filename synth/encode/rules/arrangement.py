"""What is replaced by what so that rules are kept, and in which order the columns are restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from synth.rules.rule import AnyRule, Bounds, ClockSum, Combination, DatePart, Formula, NullWhen, OneHot, Unique
from synth.rules.text import text_of_rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A rule that is to be kept."""

    rule: AnyRule
    declared: bool
    counts: str = ""
    """How many people keep it, in words"""

    @property
    def text(self) -> str:
        """The rule, and how many people keep it."""
        shown = repr(text_of_rule(self.rule))
        return f"{shown} ({self.counts})" if self.counts else shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A column that is measured from others: it is not below them, or not above them."""

    others: tuple[tuple[str, bool], ...]
    """Their names, and whether each has to differ"""
    above: bool


@dataclass(kw_only=True, slots=True)
class Arrangement:
    """What is replaced by what. `synth.encode.rules.order` fills it, one rule after another."""

    listed: frozenset[str] = frozenset()
    """Columns of categories"""
    computed: dict[str, Formula] = field(default_factory=dict)
    dated: dict[str, list[DatePart]] = field(default_factory=dict)
    """By date that is put together: the parts that stay learnt"""
    groups: list[OneHot | Combination] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)
    floors: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    """Parts that a computed column is not below, and whether each has to differ"""
    bounds: dict[str, list[Bounds]] = field(default_factory=dict)
    blanks: list[NullWhen] = field(default_factory=list)
    uniques: list[Unique] = field(default_factory=list)
    same: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By column that no rule is about: others that it is often the same as"""
    kept: list[Wanted] = field(default_factory=list)
    by: dict[str, Wanted] = field(default_factory=dict)
    """The rule by which each replaced column is"""
    left: list[tuple[Wanted, str]] = field(default_factory=list)
    """Rules that are found but cannot be kept beside the others, and why"""
    movable: dict[Unique, tuple[str, ...]] = field(default_factory=dict)
    """By unique rule: the columns of which values may be moved where records repeat"""

    @property
    def plans(self) -> frozenset[str]:
        """Times of day from which others are computed."""
        return frozenset(rule.other for rule in self.computed.values() if isinstance(rule, ClockSum))

    @property
    def times(self) -> frozenset[str]:
        """Of these, numbers that are not computed themselves."""
        return self.plans.difference(self.by, self.listed)

    @property
    def parts(self) -> dict[str, str]:
        """By column that stays learnt: the date that is put together from it."""
        return {rule.target: date for date, rules in self.dated.items() for rule in rules}

    def sources(self, name: str) -> list[str]:
        """The columns that have to be restored before this one."""
        found = [blank.other for blank in self.blanks if blank.column == name]
        found += self.same.get(name, ())
        found += [rule.target for rule in self.dated.get(name, ())]
        if name in self.computed:
            found += self.computed[name].columns[1:]
        if name in self.measured:
            found += [other for other, _ in self.measured[name].others]
        for group in self.groups:
            if name in group.columns[1:]:
                found.append(group.columns[0])
        return found

    def reaches(self, name: str, sought: str) -> bool:
        """Whether `name` is the sought column, or is restored from it."""
        seen, waiting = set[str](), [name]
        while waiting:
            here = waiting.pop()
            if here == sought:
                return True
            if here not in seen:
                seen.add(here)
                waiting += self.sources(here)
        return False

    def sequence(self, names: Sequence[str]) -> list[str]:
        """The columns in an order in which each comes after those that it is restored from."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in done:
                for source in self.sources(name):
                    visit(source)
                done[name] = None

        for name in names:
            visit(name)
        return list(done)
