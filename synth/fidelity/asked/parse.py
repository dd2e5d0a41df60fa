"""Reads a question. The grammar, in which a name or a value is a word or stands in quotes, doubled inside of them:

    question = call ["by" name] ["within" number ["%"]]
    call     = "mean" "(" name ")" | "share" "(" name "=" value ")" | "quantile" "(" name "," number ")"
             | "corr" "(" term "," term ")" | "regression" "(" term "~" term {"+" term} ")"
    term     = name ["=" value]

`mean(age) by sex within 0.5`, `share("hours per week"=40)`, `regression(income=">50K" ~ age + sex=Female)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from synth.fidelity.asked.aggregate import (
    GREATEST_PART,
    LEAST_PART,
    LONGEST,
    MOST_ASKED,
    MOST_REGRESSORS,
    Aggregate,
    AskedError,
    Function,
    Term,
    Tolerance,
)
from synth.grammar import TokenReader, token_pattern, tokens_of

_PATTERN = token_pattern(sign="[(),=~+%]", word=r"""[^\s"'(),=~+%]+""")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE]-?\d+)?", re.ASCII)
FORMS = "mean(x), share(x=a), quantile(x, .9), corr(x, y) or regression(y ~ x1 + x2)"


def parse_asked(texts: Iterable[str]) -> tuple[Aggregate, ...]:
    """The questions. Raises AskedError, which names one by its place, where it cannot be read, or where they are many.

    The error repeats nothing of the question: what stands there in a wrong place may be a cell of the data.
    """
    texts = tuple(texts)
    if len(texts) > MOST_ASKED:
        raise AskedError(f"ask: expected at most {MOST_ASKED} questions, got {len(texts)}")
    return tuple(_numbered(place, text) for place, text in enumerate(texts, start=1))


def lines_asked(text: str) -> list[str]:
    """The questions of a text with one on each line; empty lines are left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _numbered(place: int, text: str) -> Aggregate:
    try:
        return parse(text)
    except AskedError as error:
        raise AskedError(f"ask {place}: {error}") from None


def parse(text: str) -> Aggregate:
    """The question that a text is. Raises AskedError where it is none."""
    if len(text) > LONGEST:
        raise AskedError(f"expected at most {LONGEST} characters, got {len(text)}")
    text = text.strip()
    tokens = tokens_of(text, _PATTERN)
    if tokens is None:
        raise AskedError("expected quotes in pairs, and a quote inside of them doubled, got one that nothing closes")
    return _Reader(tokens).question(text)


class _Reader(TokenReader):
    """Reads one question."""

    def question(self, text: str) -> Aggregate:
        function = self._function()
        self._sign("(", f"after {function}")
        terms, part = self._inside(function)
        self._sign(")", f"to close {function}(")
        by = self._name("after by") if self.take_word("by") else None
        within = self._tolerance() if self.take_word("within") else None
        if self.here.kind != "end":
            raise AskedError("expected nothing, 'by COLUMN' or 'within NUMBER' after the closing bracket, got more")
        return Aggregate(text=text, function=function, terms=terms, part=part, by=by, within=within)

    def _inside(self, function: Function) -> tuple[tuple[Term, ...], float | None]:
        if function is Function.MEAN:
            return (Term(self._name("in mean()")),), None
        if function is Function.SHARE:
            name = self._name("in share()")
            self._sign("=", "and a value after the column: share(x=a)")
            return (Term(name, self._name("as the value in share()")),), None
        if function is Function.QUANTILE:
            term = Term(self._name("in quantile()"))
            self._sign(",", "and a number after the column: quantile(x, .9)")
            return (term,), self._part()
        if function is Function.CORR:
            first = self._term(function)
            self._sign(",", "and a second column: corr(x, y)")
            return _distinct(first, self._term(function)), None
        terms = [self._term(function)]
        self._sign("~", "after what is explained: regression(y ~ x)")
        terms.append(self._term(function))
        while self.take("+"):
            terms.append(self._term(function))
        if len(terms) > MOST_REGRESSORS + 1:
            raise AskedError(f"expected at most {MOST_REGRESSORS} terms after ~, got {len(terms) - 1}")
        return _distinct(*terms), None

    def _function(self) -> Function:
        token = self.next()
        known = {function.value: function for function in Function}
        if token.kind != "word" or token.text.lower() not in known:
            raise AskedError(f"expected {FORMS}, got something else")
        return known[token.text.lower()]

    def _term(self, function: Function) -> Term:
        name = self._name(f"in {function}()")
        return Term(name, self._name("after =") if self.take("=") else None)

    def _name(self, where: str) -> str:
        token = self.next()
        if not token.is_name:
            raise AskedError(f"expected a name or a value {where}, got something else; signs and spaces take quotes")
        return token.text

    def _part(self) -> float:
        part = self._number("as the part of a quantile")
        if not LEAST_PART <= part <= GREATEST_PART:
            raise AskedError(
                f"expected a quantile from {LEAST_PART} to {GREATEST_PART}, got one beyond: extremes are somebody's"
            )
        return part

    def _tolerance(self) -> Tolerance:
        size = self._number("after within")
        if size <= 0:
            raise AskedError("expected a number above 0 after within, got 0")
        relative = self.take("%")
        return Tolerance(size / 100 if relative else size, relative=relative)

    def _number(self, where: str) -> float:
        token = self.next()
        number = float(token.text) if token.kind == "word" and _NUMBER.fullmatch(token.text) else math.inf
        if not math.isfinite(number):
            raise AskedError(f"expected a number {where}, such as 0.5, got something else")
        return number

    def _sign(self, sign: str, where: str) -> None:
        if not self.take(sign):
            raise AskedError(f"expected {sign} {where}; names and values with spaces or signs stand in quotes")


def _distinct(*terms: Term) -> tuple[Term, ...]:
    if len(set(terms)) < len(terms):
        raise AskedError("expected each column once, got one twice")
    return terms
