"""Rules as text. A name is a word or stands in quotes, which are doubled inside of them:

rule = name ("<=" | "<" | ">=" | ">") name            start <= end
     | [end "<="] name "<=" end                       0 <= share <= 100, joined >= 2020-01-01
     | name "=" ["-"] [number "*"] name {("+" | "-") ...}    total = net + tax, time = 100 * hour + minute
     | name "=" name "*" name                         amount = price * pieces
     | name "=" "clock" "(" name ("+" | "-") name ")"  dep_time = clock(planned + delay)
     | name "=" part "(" name ["," zone] ")" ["-" "1"]  month = month(admitted), hour = hour(sent, Europe/Berlin)
     | ("one_hot" | "combination" | "unique") "(" name {"," name} ")"
     | "missing" "(" name ")" "if" ("missing" "(" name ")" | name "=" value)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from synth.errors import RuleError
from synth.grammar import Token, TokenReader, token_pattern, tokens_of
from synth.rules.ends import as_bound
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

LONGEST = 10_000
"""Characters of a rule, at most."""
MOST_RULES = 200
LARGEST_MULTIPLE = 10**9

_PATTERN = token_pattern(sign=r"""<=|>=|==|[<>=(),+*]|-(?=[\s"'(])""", word=r"""[^\s"'(),=<>+*]+""")
_NUMBER = re.compile(r"-?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BARE = re.compile(r"[^\W\d][\w.]*")
_GROUPS: dict[str, type[OneHot] | type[Combination] | type[Unique]] = {
    "one_hot": OneHot,
    "combination": Combination,
    "unique": Unique,
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
FORMS = (
    "a <= b, a < b, a = b + c, a = 100 * b + c, a = b * c, a = clock(b + c), a = month(b), a >= 0, "
    "one_hot(a, b), combination(a, b), unique(a, b), missing(a) if missing(b) or missing(a) if b = x"
)


def parse_rules(texts: Iterable[str]) -> tuple[AnyRule, ...]:
    """The rules, each once. Raises RuleError, which names one by its place, where it cannot be read."""
    texts = tuple(texts)
    if len(texts) > MOST_RULES:
        raise RuleError(f"rules: expected at most {MOST_RULES}, got {len(texts)}")
    found: dict[AnyRule, None] = {}
    for place, text in enumerate(texts, start=1):
        try:
            found[parse_rule(text)] = None
        except RuleError as error:
            raise RuleError(f"rule {place}: {str(error).removeprefix('rule: ')}") from None
    return tuple(found)


def parse_rule(text: str) -> AnyRule:
    """The rule that a text is. Raises RuleError, which repeats nothing of the text, where it is none."""
    if len(text) > LONGEST:
        raise RuleError(f"rule: expected at most {LONGEST} characters, got {len(text)}")
    tokens = tokens_of(text, _PATTERN)
    if tokens is None:
        raise RuleError("rule: expected names and signs, and quotes in pairs, got something else")
    return _Reader(tokens).rule()


class _Reader(TokenReader):
    """Reads one rule."""

    def rule(self) -> AnyRule:
        found = self._rule()
        if self.here.kind != "end":
            raise RuleError(f"rule: expected its end, got more; the forms are {FORMS}")
        return found

    def _rule(self) -> AnyRule:
        first, following = self.here, self.following
        if first.kind == "word" and following == Token("sign", "("):
            if first.text.lower() == "missing":
                return self._missing()
            if first.text.lower() in _GROUPS:
                self.next()
                self.next()
                return _GROUPS[first.text.lower()](columns=self._names())
        if _is_end(first):
            return self._between()
        name = self._name()
        sign = self.next()
        if sign in {Token("sign", "="), Token("sign", "==")}:
            if self._is_call(*PARTS):
                return self._date_part(name)
            return self._clock_sum(name) if self._is_call("clock") else self._sum(name)
        if sign.kind != "sign" or sign.text not in _TURNED:
            raise RuleError(f"rule: expected <=, <, >=, > or = after a column; the forms are {FORMS}")
        return self._compared(name, sign.text)

    def _compared(self, name: str, sign: str) -> AnyRule:
        end = self._end()
        if end is not None:
            return _bounds(name, sign, end)
        other = self._name()
        low, high = (name, other) if sign in {"<", "<="} else (other, name)
        return Order(low=low, high=high, strict=sign in {"<", ">"})

    def _between(self) -> AnyRule:
        end, sign = self._end(), self.next()
        if end is None or sign.kind != "sign" or sign.text not in _TURNED:
            raise RuleError("rule: expected <=, <, >= or > after a number")
        name = self._name()
        first = _bounds(name, _TURNED[sign.text], end)
        if self.here.kind == "end":
            return first
        second = self._compared(name, self.next().text)
        if not isinstance(second, Bounds) or (second.low is None) == (first.low is None):
            raise RuleError("rule: expected a lower and an upper end, such as 0 <= a <= 100")
        low, high = (first, second) if second.low is None else (second, first)
        return Bounds(column=name, low=low.low, high=high.high, above=low.above, below=high.below)

    def _sum(self, target: str) -> AnyRule:
        terms: list[tuple[int, str]] = []
        constant, sign = 0, -1 if self.take("-") else 1
        while True:
            number = self._number()
            if number is None:
                name = self._name()
                if self.take("*"):
                    return self._product(target, name, alone=not terms and sign == 1)
                terms.append((sign, name))
            elif self.take("*"):
                terms.append((sign * number, self._name()))
            else:
                constant += sign * number
            if self.take("+"):
                sign = 1
            elif self.take("-"):
                sign = -1
            else:
                return Linear(target=target, terms=tuple(terms), constant=constant)

    def _product(self, target: str, first: str, *, alone: bool) -> Product:
        factors = [first, self._name()]
        while self.take("*"):
            factors.append(self._name())
        if not alone or self.here.kind != "end":
            raise RuleError("rule: expected a product of columns alone, such as a = b * c, or a sum")
        return Product(target=target, factors=tuple(factors))

    def _clock_sum(self, target: str) -> ClockSum:
        self.next()
        self.next()
        other, later = self._name(), self.take("+")
        if not later and not self.take("-"):
            raise RuleError("rule: expected a time of day and minutes, such as a = clock(b + c)")
        return ClockSum(target=target, other=other, minutes=self._names(most=1)[0], later=later)

    def _date_part(self, target: str) -> DatePart:
        part = self.next().text.lower()
        self.next()
        date, *zone = self._names(most=2)
        plus = 0
        if self.here.kind != "end":
            sign = -1 if self.take("-") else 1
            self.take("+")
            plus = sign * (self._number() or 0)
        return DatePart(target=target, date=date, part=part, zone=zone[0] if zone else "", plus=plus)

    def _missing(self) -> NullWhen:
        column = self._called_missing()
        if self.next() != Token("word", "if"):
            raise RuleError("rule: expected 'if' after missing(a)")
        if self._is_call("missing"):
            return NullWhen(column=column, other=self._called_missing())
        other = self._name()
        if not self.take("=", "=="):
            raise RuleError("rule: expected = and a value: missing(a) if b = x")
        return NullWhen(column=column, other=other, value=self._name())

    def _is_call(self, *names: str) -> bool:
        """Whether one of the words is next, before a bracket."""
        return self.here.kind == "word" and self.here.text.lower() in names and self.following == Token("sign", "(")

    def _called_missing(self) -> str:
        self.next()
        if not self.take("("):
            raise RuleError("rule: expected missing(a)")
        return self._names(most=1)[0]

    def _names(self, most: int = LONGEST) -> tuple[str, ...]:
        names = [self._name()]
        while len(names) < most and self.take(","):
            names.append(self._name())
        if not self.take(")"):
            raise RuleError("rule: expected , or ) after a column")
        return tuple(names)

    def _end(self) -> float | str | None:
        """A number or a date; None where there is a column, as whatever stands in quotes is."""
        token = self.here
        if not _is_end(token):
            return None
        self.next()
        if _NUMBER.fullmatch(token.text):
            return float(token.text)
        as_bound(token.text)
        return token.text

    def _number(self) -> int | None:
        token = self.here
        if token.kind != "word" or not _NUMBER.fullmatch(token.text):
            return None
        value = float(token.text)
        if value != int(value) or abs(value) > LARGEST_MULTIPLE:
            raise RuleError("rule: expected a whole number in a sum")
        self.next()
        return int(value)

    def _name(self) -> str:
        token = self.next()
        if not token.is_name:
            raise RuleError(f"rule: expected a name, got something else; the forms are {FORMS}")
        return token.text


def _is_end(token: Token) -> bool:
    return token.kind == "word" and bool(_NUMBER.fullmatch(token.text) or _DATE.match(token.text))


def _bounds(name: str, sign: str, end: float | str) -> Bounds:
    if sign in {"<", "<="}:
        return Bounds(column=name, high=end, below=sign == "<")
    return Bounds(column=name, low=end, above=sign == ">")


def text_of_rule(rule: AnyRule) -> str:
    """The rule as text; `parse_rule` reads it back."""
    match rule:
        case Order():
            return f"{_shown(rule.low)} {'<' if rule.strict else '<='} {_shown(rule.high)}"
        case Linear() | Product() | ClockSum() | DatePart():
            return f"{_shown(rule.target)} = {_computed(rule)}"
        case NullWhen():
            return _blanked(rule)
        case Bounds():
            return _bounded(rule)
        case _:
            name = next(name for name, kind in _GROUPS.items() if isinstance(rule, kind))
            return f"{name}({', '.join(map(_shown, rule.columns))})"


def _computed(rule: Formula) -> str:
    match rule:
        case Linear():
            return _added(rule)
        case Product():
            return " * ".join(map(_shown, rule.factors))
        case ClockSum():
            return f"clock({_shown(rule.other)} {'+' if rule.later else '-'} {_shown(rule.minutes)})"
        case DatePart():
            told = ", ".join(_shown(each) for each in (rule.date, rule.zone) if each)
            more = f" {'-' if rule.plus < 0 else '+'} {abs(rule.plus)}" if rule.plus else ""
            return f"{rule.part}({told}){more}"


def _blanked(rule: NullWhen) -> str:
    when = f"missing({_shown(rule.other)})" if rule.value is None else f"{_shown(rule.other)} = {_shown(rule.value)}"
    return f"missing({_shown(rule.column)}) if {when}"


def _added(rule: Linear) -> str:
    parts = [
        (weight, _shown(name) if abs(weight) == 1 else f"{abs(weight)} * {_shown(name)}") for weight, name in rule.terms
    ]
    parts += [(rule.constant, str(abs(rule.constant)))] if rule.constant else []
    first = ("- " if parts[0][0] < 0 else "") + parts[0][1]
    return first + "".join(f" {'-' if weight < 0 else '+'} {text}" for weight, text in parts[1:])


def _bounded(rule: Bounds) -> str:
    low, high = (end if isinstance(end, str) or end is None else f"{end:.15g}" for end in (rule.low, rule.high))
    less, more = "<" if rule.above else "<=", "<" if rule.below else "<="
    name = _shown(rule.column)
    if low is not None and high is not None:
        return f"{low} {less} {name} {more} {high}"
    if high is None:
        return f"{name} {less.replace('<', '>')} {low}"
    return f"{name} {more} {high}"


def _shown(name: str) -> str:
    return name if _BARE.fullmatch(name) else '"' + name.replace('"', '""') + '"'
