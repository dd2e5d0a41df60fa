"""Chooses which column each rule replaces, so that all rules are kept at once.

A column is replaced once at most. Sums, products, groups and combinations choose first, since each takes one certain
column; of the two columns of an order either can be measured from the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from synth.detect.same import OftenSame
from synth.encode.rules.apart import free_columns
from synth.encode.rules.arrangement import Arrangement, Measured, Wanted
from synth.encode.rules.order_dates import can_be_put_in, is_range_of_part, is_rounded_down, range_of_part
from synth.encode.rules.persons import PersonColumns
from synth.errors import RuleError
from synth.rules.part_names import PARTS
from synth.rules.rule import (
    AnyRule,
    Bounds,
    ClockSum,
    Combination,
    DatePart,
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
class ColumnFacts:
    """What is known of the columns of a table that rules may replace."""

    fixed: frozenset[str]
    """Columns that may not be replaced, such as the target"""
    listed: frozenset[str]
    """Columns of categories, which are no numbers that could be computed"""
    is_at_least: Callable[[str, float], bool]
    """Whether nearly all values of a column are so large"""
    persons: PersonColumns
    made_up: frozenset[str]
    """Identifiers, which are another one in each record"""
    unmovable: frozenset[str]
    """Columns that are no plain numbers or dates, so that none of their values is moved for a unique rule"""
    tells: Callable[[DatePart], bool]
    """Whether a column holds the part of a date wherever there is one, and nothing else"""

    def may_be_made(self, name: str) -> bool:
        """Whether a column may be computed, or measured, from others."""
        return name not in self.fixed and name not in self.listed


def arrange(wanted: Sequence[Wanted], columns: ColumnFacts, often: Sequence[OftenSame]) -> Arrangement:
    """How all rules are kept at once, and which other columns are learnt as often the same as others.

    Rules that are found give way to declared ones. Raises RuleError, which names both, where declared ones cannot be
    kept beside one another.
    """
    kinds = ((OneHot, Combination), (Linear, Product), (ClockSum,), (DatePart,), (Order,), (Bounds,), (NullWhen,))
    ranks: Mapping[type, int] = {kind: rank for rank, some in enumerate(kinds) for kind in some}
    others = {name for each in wanted if not isinstance(each.rule, DatePart | NullWhen) for name in each.rule.columns}
    chooser = _Chooser(columns=columns, made=Arrangement(listed=columns.listed), others=frozenset(others))

    def rank(each: Wanted) -> tuple[bool, int, int]:
        # a minute is put into a date only beside the hour
        part = PARTS.index(each.rule.part) if isinstance(each.rule, DatePart) else 0
        return not each.declared, ranks.get(type(each.rule), 9), part

    for each in sorted(wanted, key=rank):
        chooser.add(each)
    chooser.spread_bounds()
    for same in often:
        chooser.often(same)
    chooser.made.movable = {rule: chooser.movable(rule) for rule in chooser.made.uniques}
    return chooser.made


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chooser:
    """Adds rules to an arrangement one after another."""

    columns: ColumnFacts
    made: Arrangement = field(default_factory=Arrangement)
    others: frozenset[str] = frozenset()
    """Columns of rules that say more of a value than what part of a date it is, or that it is missing"""

    def add(self, wanted: Wanted) -> None:
        """Keeps one more rule. Raises RuleError where it is declared and cannot be kept beside the others."""
        trouble = self._place(wanted)
        if trouble is None:
            self.made.kept.append(wanted)
        elif wanted.declared:
            raise RuleError(f"rule {wanted.text}: {trouble}")
        else:
            self.made.left.append((wanted, trouble))

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
            case DatePart() as rule:
                trouble = None if self._puts_in(rule, wanted) else self._compute(rule, wanted)
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
        persons = self.columns.persons
        changed = ({persons.order} if persons.order else set()) | persons.constant | persons.ascending
        kept = (each.rule for each in self.made.kept)
        return free_columns(
            rule, (*kept, *self.made.uniques, *more), self.columns.fixed | self.columns.unmovable | changed
        )

    def _unique(self, rule: Unique) -> str | None:
        if not self.movable(rule) and self.columns.made_up.isdisjoint(rule.columns):
            return f"{NEEDED}: a value of that column is moved where it repeats"
        self.made.uniques.append(rule)
        return None

    def _uses_up(self, wanted: Wanted) -> str | None:
        """Why the rule cannot be kept beside unique ones: each of these needs a column that no other rule is about."""
        for rule in self.made.uniques:
            needed = self.columns.made_up.isdisjoint(rule.columns)
            if needed and not self.movable(rule, wanted.rule):
                return f"it cannot be kept beside {text_of_rule(rule)!r}, which needs a column that is in no other rule"
        return None

    def _blank(self, rule: NullWhen) -> str | None:
        if self.made.reaches(rule.other, rule.column):
            return self._circle(rule.column)
        if rule.column == self.columns.persons.order:
            return self._taken(rule.column)
        if self.columns.persons.mixed(rule.columns) == rule.column:
            return self._constant(rule.column)
        self.made.blanks.append(rule)
        return None

    def _group(self, rule: OneHot | Combination, wanted: Wanted) -> str | None:
        for name in rule.columns:
            if name in self.columns.fixed or name in self.made.by:
                return self._taken(name)
        fixed = self.columns.persons.mixed(rule.columns) if isinstance(rule, Combination) else None
        if fixed is not None:
            return self._constant(fixed)
        self.made.groups.append(rule)
        self.made.by |= dict.fromkeys(rule.columns, wanted)
        return None

    def _compute(self, rule: Formula, wanted: Wanted) -> str | None:
        trouble = None
        # a column that never falls from record to record is rather learnt than computed
        ways: list[Formula] = [*_solved_for_each(rule)]
        ways.sort(key=lambda one: one.target in self.columns.persons.ascending)
        for way in ways:
            if self.columns.persons.mixed(way.columns) is not None and way.target in self.columns.persons.constant:
                trouble = trouble or self._constant(way.target)
            elif way.target in self.made.by or not self._may_be_computed(way):
                trouble = trouble or self._taken(way.target)
            elif any(self.made.reaches(name, way.target) for name in way.columns[1:]):
                trouble = trouble or self._circle(way.target)
            elif isinstance(way, ClockSum) and way.other in self.made.measured:
                trouble = trouble or self._taken(way.other)
            else:
                self.made.computed[way.target] = way
                self.made.by[way.target] = wanted
                return None
        return trouble

    def _may_be_computed(self, rule: Formula) -> bool:
        """Whether the target may be computed; a part of a date may be a category."""
        if isinstance(rule, DatePart):
            return rule.target not in self.columns.fixed and rule.target not in self.made.parts
        return self.columns.may_be_made(rule.target) and rule.target not in self.made.parts

    def _puts_in(self, rule: DatePart, wanted: Wanted) -> bool:
        """Makes the date from the part, which stays learnt; whether it can, since no other rule is about the date."""
        persons, date = self.columns.persons, rule.date
        changed = self.others | persons.constant | persons.ascending
        if date in changed or not self.columns.may_be_made(date) or not can_be_put_in(rule, self.made):
            return False
        if not self.columns.tells(rule):
            return False
        self.made.dated.setdefault(date, []).append(rule)
        self.made.by.setdefault(date, wanted)
        if rule.target not in self.columns.listed:
            self.made.bounds.setdefault(rule.target, []).append(range_of_part(rule))
        return True

    def _measure(self, rule: Order, wanted: Wanted) -> str | None:
        if self._follows(rule) or is_rounded_down(self.made.computed.get(rule.low), rule):
            return None
        trouble = None
        either = [(rule.high, rule.low, True), (rule.low, rule.high, False)]
        if self.columns.persons.mixed(rule.columns) is not None:  # rather the column that changes than the constant one
            either.sort(key=lambda way: way[0] in self.columns.persons.constant)
        for name, other, above in either:
            if not wanted.declared and self.columns.persons.mixed(rule.columns) == name:
                trouble = trouble or f"{self._constant(name)}; it is kept only if you declare it"
                continue
            before = self.made.measured.get(name)
            other_way = before is not None and before.above != above
            taken = other_way or (name in self.made.by and before is None)
            if taken or not self.columns.may_be_made(name):
                trouble = trouble or self._taken(name)
            elif name in self.made.parts:
                trouble = trouble or f"column {name!r} is a part from which {self.made.parts[name]!r} is put together"
            elif name in self.made.times:
                trouble = trouble or f"column {name!r} holds times of day, from which others are computed"
            elif self.made.reaches(other, name):
                trouble = trouble or self._circle(name)
            else:
                others = (*(before.others if before else ()), (other, rule.strict))
                self.made.measured[name] = Measured(others=others, above=above)
                self.made.by.setdefault(name, wanted)
                return None
        return trouble

    def _follows(self, rule: Order) -> bool:
        """Whether a sum that is kept keeps the order too, where all it adds to the column is 0 or more."""
        total = self.made.computed.get(rule.high)
        if not isinstance(total, Linear) or (1, rule.low) not in total.terms:
            return False
        rest = [(weight, name) for weight, name in total.terms if name != rule.low]
        least = float(rule.strict)
        if total.constant < 0 or not rest or any(w < 0 or name in self.made.by for w, name in rest):
            return False
        if not all(self.columns.is_at_least(name, 0.0) for _, name in rest):
            return False
        if rule.strict and not (len(rest) == 1 and self.columns.is_at_least(rest[0][1], least)):
            first = next((name for _, name in rest if self.columns.is_at_least(name, 1e-9)), None)
            if first is None:
                return False
        self.made.floors.setdefault(rule.high, []).append((rule.low, rule.strict))
        for _, name in rest:
            strict = rule.strict and self.columns.is_at_least(name, 1e-9)
            self.made.bounds.setdefault(name, []).append(Bounds(column=name, low=0.0, above=strict))
        return True

    def _bound(self, rule: Bounds) -> str | None:
        if is_range_of_part(self.made.computed.get(rule.column), rule):
            return None
        if rule.column in self.made.by and rule.column not in self.made.measured:
            return self._taken(rule.column)
        self.made.bounds.setdefault(rule.column, []).append(rule)
        return None

    def spread_bounds(self) -> None:
        """Bounds what columns are measured from as they are bound themselves, so that both rules can be kept.

        Raises RuleError where that is a column that is computed.
        """
        waiting = [(name, each) for name, some in self.made.bounds.items() for each in some]
        while waiting:
            name, bound = waiting.pop()
            measured = self.made.measured.get(name)
            if measured is None or (bound.high if measured.above else bound.low) is None:
                continue
            for other, _ in measured.others:
                same = replace(bound, column=other)
                same = replace(same, low=None, above=False) if measured.above else replace(same, high=None, below=False)
                if other in self.made.by and other not in self.made.measured:
                    raise RuleError(f"rule {text_of_rule(bound)!r}: {self._taken(other)}")
                if same not in self.made.bounds.setdefault(other, []):
                    self.made.bounds[other].append(same)
                    waiting.append((other, same))

    def often(self, found: OftenSame) -> None:
        """Learns how often a column is the same as others, where no rule is about it."""
        name = found.column
        kept = any(name in each.rule.columns for each in self.made.kept)
        if kept or not self.columns.may_be_made(name):
            return
        moved = {column for rule in self.made.uniques for column in rule.columns}
        others = tuple(other for other in found.others if other not in moved and not self.made.reaches(other, name))
        if others:
            self.made.same[name] = others

    def _taken(self, name: str) -> str:
        if name in self.made.by:
            return f"it cannot be kept beside {self.made.by[name].text}, by which column {name!r} is made already"
        if name == self.columns.persons.order:
            return f"column {name!r} orders the records of a person, and cannot be made from others"
        return f"column {name!r} cannot be made from others: it is the target, or holds markers or text"

    def _constant(self, name: str) -> str:
        return f"column {name!r} is constant for a person, and the others that it would be made from are not"

    def _circle(self, name: str) -> str:
        others = self.made.by.values()
        last = next((each for each in others if name in each.rule.columns), None)
        beside = f" with {last.text}" if last is not None else ""
        return f"it contradicts other rules, or follows from them: it closes a circle{beside} at column {name!r}"


def _solved_for_each(rule: Formula) -> Sequence[Formula]:
    """The rule as it is and solved for others: a sum for each column that is added once, times of day for the other."""
    if isinstance(rule, ClockSum):
        return [rule, ClockSum(target=rule.other, other=rule.target, minutes=rule.minutes, later=not rule.later)]
    if isinstance(rule, Product | DatePart):
        return [rule]
    ways = [rule]
    for weight, name in rule.terms:
        if abs(weight) == 1:
            rest = [(-weight * other, column) for other, column in rule.terms if column != name]
            ways.append(Linear(target=name, terms=((weight, rule.target), *rest), constant=-weight * rule.constant))
    # a sum that only adds comes first: it keeps orders as well
    return sorted(ways, key=lambda way: any(weight < 0 for weight, _ in way.terms))
