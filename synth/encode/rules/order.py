"""Chooses which column each rule replaces, so that all rules are kept at once, and in which order they are restored.

A column is replaced once at most. Sums, products, groups and combinations choose first, since each takes one certain
column; of the two columns of an order either can be measured from the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from synth.detect.same import OftenSame
from synth.encode.rules.apart import free_columns
from synth.encode.rules.persons import PersonColumns
from synth.errors import RuleError
from synth.rules.rule import (
    AnyRule,
    Bounds,
    ClockSum,
    Combination,
    Formula,
    Linear,
    NullWhen,
    OneHot,
    Order,
    Product,
    Unique,
)
from synth.rules.text import text_of_rule

NEEDED = (
    "one of its columns has to hold plain numbers or dates, be in no other rule, neither decide another column nor "
    "follow from one, and be no target, order or constant of a person"
)
"""What a unique rule needs."""


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
    """What is replaced by what, while rules are added one after another."""

    fixed: frozenset[str]
    """Columns that may not be replaced, such as the target"""
    listed: frozenset[str]
    """Columns of categories, which are no numbers that could be computed"""
    is_at_least: Callable[[str, float], bool]
    """Whether nearly all values of a column are so large"""
    persons: PersonColumns = field(default_factory=PersonColumns)
    made_up: frozenset[str] = frozenset()
    """Identifiers, which are another one in each record"""
    unmovable: frozenset[str] = frozenset()
    """Columns that are no plain numbers or dates, so that none of their values is moved for a unique rule"""
    computed: dict[str, Formula] = field(default_factory=dict)
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

    @property
    def plans(self) -> frozenset[str]:
        """Times of day from which others are computed."""
        return frozenset(rule.other for rule in self.computed.values() if isinstance(rule, ClockSum))

    @property
    def times(self) -> frozenset[str]:
        """Of these, numbers that are not computed themselves."""
        return self.plans.difference(self.by, self.listed)

    def add(self, wanted: Wanted) -> None:
        """Keeps one more rule. Raises RuleError where it is declared and cannot be kept beside the others."""
        trouble = self._place(wanted)
        if trouble is None:
            self.kept.append(wanted)
        elif wanted.declared:
            raise RuleError(f"rule {wanted.text}: {trouble}")
        else:
            self.left.append((wanted, trouble))

    def _place(self, wanted: Wanted) -> str | None:
        """Why the rule cannot be kept, None where it is."""
        trouble = self._uses_up(wanted)
        if trouble is not None:
            return trouble
        match wanted.rule:
            case OneHot() | Combination() as rule:
                trouble = self._group(rule, wanted)
            case Linear() | Product() | ClockSum() as rule:
                trouble = self._compute(rule, wanted)
            case Order() as rule:
                trouble = self._measure(rule, wanted)
            case Bounds() as rule:
                trouble = self._bound(rule)
            case NullWhen() as rule:
                trouble = self._blank(rule)
            case Unique() as rule:
                trouble = self._unique(rule)
        return trouble

    def movable(self, rule: Unique, *more: AnyRule) -> tuple[str, ...]:
        """The columns that may be moved to keep records apart, once `more` rules are kept."""
        persons = self.persons
        changed = ({persons.order} if persons.order else set()) | persons.constant | persons.ascending
        kept = (each.rule for each in self.kept)
        return free_columns(rule, (*kept, *self.uniques, *more), self.fixed | self.unmovable | changed)

    def _unique(self, rule: Unique) -> str | None:
        if not self.movable(rule) and self.made_up.isdisjoint(rule.columns):
            return f"{NEEDED}: a value of that column is moved where it repeats"
        self.uniques.append(rule)
        return None

    def _uses_up(self, wanted: Wanted) -> str | None:
        """Why the rule cannot be kept beside unique ones: each of these needs a column that no other rule is about."""
        for rule in self.uniques:
            needed = self.made_up.isdisjoint(rule.columns)
            if needed and not self.movable(rule, wanted.rule):
                return f"it cannot be kept beside {text_of_rule(rule)!r}, which needs a column that is in no other rule"
        return None

    def _blank(self, rule: NullWhen) -> str | None:
        if self._reaches(rule.other, rule.column):
            return self._circle(rule.column)
        if rule.column == self.persons.order:
            return self._taken(rule.column)
        if self.persons.mixed(rule.columns) == rule.column:
            return self._constant(rule.column)
        self.blanks.append(rule)
        return None

    def _group(self, rule: OneHot | Combination, wanted: Wanted) -> str | None:
        for name in rule.columns:
            if name in self.fixed or name in self.by:
                return self._taken(name)
        fixed = self.persons.mixed(rule.columns) if isinstance(rule, Combination) else None
        if fixed is not None:
            return self._constant(fixed)
        self.groups.append(rule)
        self.by |= dict.fromkeys(rule.columns, wanted)
        return None

    def _compute(self, rule: Formula, wanted: Wanted) -> str | None:
        trouble = None
        # a column that never falls from record to record is rather learnt than computed
        ways: list[Formula] = [*solved_for_each(rule)]
        ways.sort(key=lambda one: one.target in self.persons.ascending)
        for way in ways:
            if self.persons.mixed(way.columns) is not None and way.target in self.persons.constant:
                trouble = trouble or self._constant(way.target)
            elif way.target in self.by or way.target in self.fixed | self.listed:
                trouble = trouble or self._taken(way.target)
            elif any(self._reaches(name, way.target) for name in way.columns[1:]):
                trouble = trouble or self._circle(way.target)
            elif isinstance(way, ClockSum) and way.other in self.measured:
                trouble = trouble or self._taken(way.other)
            else:
                self.computed[way.target] = way
                self.by[way.target] = wanted
                return None
        return trouble

    def _measure(self, rule: Order, wanted: Wanted) -> str | None:
        if self._follows(rule):
            return None
        trouble = None
        either = [(rule.high, rule.low, True), (rule.low, rule.high, False)]
        if self.persons.mixed(rule.columns) is not None:  # rather the column that changes than the constant one
            either.sort(key=lambda way: way[0] in self.persons.constant)
        for name, other, above in either:
            if not wanted.declared and self.persons.mixed(rule.columns) == name:
                trouble = trouble or f"{self._constant(name)}; it is kept only if you declare it"
                continue
            before = self.measured.get(name)
            other_way = before is not None and before.above != above
            if name in self.fixed | self.listed or (name in self.by and before is None) or other_way:
                trouble = trouble or self._taken(name)
            elif name in self.times:
                trouble = trouble or f"column {name!r} holds times of day, from which others are computed"
            elif self._reaches(other, name):
                trouble = trouble or self._circle(name)
            else:
                others = (*(before.others if before else ()), (other, rule.strict))
                self.measured[name] = Measured(others=others, above=above)
                self.by.setdefault(name, wanted)
                return None
        return trouble

    def _follows(self, rule: Order) -> bool:
        """Whether a sum that is kept keeps the order too, where all it adds to the column is 0 or more."""
        total = self.computed.get(rule.high)
        if not isinstance(total, Linear) or (1, rule.low) not in total.terms:
            return False
        rest = [(weight, name) for weight, name in total.terms if name != rule.low]
        least = float(rule.strict)
        if total.constant < 0 or not rest or any(w < 0 or name in self.by for w, name in rest):
            return False
        if not all(self.is_at_least(name, 0.0) for _, name in rest):
            return False
        if rule.strict and not (len(rest) == 1 and self.is_at_least(rest[0][1], least)):
            first = next((name for _, name in rest if self.is_at_least(name, 1e-9)), None)
            if first is None:
                return False
        self.floors.setdefault(rule.high, []).append((rule.low, rule.strict))
        for _, name in rest:
            strict = rule.strict and self.is_at_least(name, 1e-9)
            self.bounds.setdefault(name, []).append(Bounds(column=name, low=0.0, above=strict))
        return True

    def _bound(self, rule: Bounds) -> str | None:
        if rule.column in self.by and rule.column not in self.measured:
            return self._taken(rule.column)
        self.bounds.setdefault(rule.column, []).append(rule)
        return None

    def spread_bounds(self) -> None:
        """Bounds what columns are measured from as they are bound themselves, so that both rules can be kept.

        Raises RuleError where that is a column that is computed.
        """
        waiting = [(name, each) for name, some in self.bounds.items() for each in some]
        while waiting:
            name, bound = waiting.pop()
            measured = self.measured.get(name)
            if measured is None or (bound.high if measured.above else bound.low) is None:
                continue
            for other, _ in measured.others:
                same = replace(bound, column=other)
                same = replace(same, low=None, above=False) if measured.above else replace(same, high=None, below=False)
                if other in self.by and other not in self.measured:
                    raise RuleError(f"rule {text_of_rule(bound)!r}: {self._taken(other)}")
                if same not in self.bounds.setdefault(other, []):
                    self.bounds[other].append(same)
                    waiting.append((other, same))

    def often(self, found: OftenSame) -> None:
        """Learns which of other columns a column is the same as, where no rule is about it."""
        name = found.column
        if name in self.fixed | self.listed or any(name in each.rule.columns for each in self.kept):
            return
        moved = {column for rule in self.uniques for column in rule.columns}
        others = tuple(other for other in found.others if other not in moved and not self._reaches(other, name))
        if others:
            self.same[name] = others

    def _reaches(self, name: str, sought: str) -> bool:
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

    def sources(self, name: str) -> list[str]:
        """The columns that have to be restored before this one."""
        found = [blank.other for blank in self.blanks if blank.column == name]
        found += self.same.get(name, ())
        if name in self.computed:
            found += self.computed[name].columns[1:]
        if name in self.measured:
            found += [other for other, _ in self.measured[name].others]
        for group in self.groups:
            if name in group.columns[1:]:
                found.append(group.columns[0])
        return found

    def _taken(self, name: str) -> str:
        if name in self.by:
            return f"it cannot be kept beside {self.by[name].text}, by which column {name!r} is made already"
        if name == self.persons.order:
            return f"column {name!r} orders the records of a person, and cannot be made from others"
        return f"column {name!r} cannot be made from others: it is the target, or holds markers or text"

    def _constant(self, name: str) -> str:
        return f"column {name!r} is constant for a person, and the others that it would be made from are not"

    def _circle(self, name: str) -> str:
        others = self.by.values()
        last = next((each for each in others if name in each.rule.columns), None)
        beside = f" with {last.text}" if last is not None else ""
        return f"it contradicts other rules, or follows from them: it closes a circle{beside} at column {name!r}"

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


def solved_for_each(rule: Formula) -> Sequence[Formula]:
    """The rule as it is and solved for others: a sum for each column that is added once, times of day for the other."""
    if isinstance(rule, ClockSum):
        return [rule, ClockSum(target=rule.other, other=rule.target, minutes=rule.minutes, later=not rule.later)]
    if isinstance(rule, Product):
        return [rule]
    ways = [rule]
    for weight, name in rule.terms:
        if abs(weight) == 1:
            rest = [(-weight * other, column) for other, column in rule.terms if column != name]
            ways.append(Linear(target=name, terms=((weight, rule.target), *rest), constant=-weight * rule.constant))
    # a sum that only adds comes first: it keeps orders as well
    return sorted(ways, key=lambda way: any(weight < 0 for weight, _ in way.terms))


def arrange(
    wanted: Sequence[Wanted],
    fixed: frozenset[str],
    is_at_least: Callable[[str, float], bool],
    listed: frozenset[str] = frozenset(),
    persons: PersonColumns | None = None,
    made_up: frozenset[str] = frozenset(),
    unmovable: frozenset[str] = frozenset(),
) -> Arrangement:
    """How all rules are kept at once. Raises RuleError, which names both, where declared ones cannot be.

    Rules that are found give way to declared ones.
    """
    kinds = ((OneHot, Combination), (Linear, Product), (ClockSum,), (Order,), (Bounds,), (NullWhen,))
    ranks: Mapping[type, int] = {kind: rank for rank, some in enumerate(kinds) for kind in some}
    made = Arrangement(
        fixed=fixed,
        is_at_least=is_at_least,
        listed=listed,
        persons=persons or PersonColumns(),
        made_up=made_up,
        unmovable=unmovable,
    )
    for each in sorted(wanted, key=lambda one: (not one.declared, ranks.get(type(one.rule), 9))):
        made.add(each)
    made.spread_bounds()
    return made
