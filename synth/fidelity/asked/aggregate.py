"""What may be asked: five aggregates, each on all records or by the categories of a column. Loads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from synth.errors import SynthError
from synth.table.ranges import as_number
from synth.table.schema import ColumnKind, TableSchema

MOST_ASKED = 20
"""Questions of a job, at most. Each further one is a further equation about the same people."""
LONGEST = 500
"""Characters of a question, at most."""
MOST_REGRESSORS = 10
LEAST_PART, GREATEST_PART = 0.05, 0.95
"""A quantile lies between these: minima and maxima are somebody's values."""
DEFAULT_TOLERANCE = 0.05


class AskedError(SynthError):
    """A question cannot be read, or asks of a column what it cannot answer."""


class Function(StrEnum):
    """The aggregates."""

    MEAN = "mean"
    SHARE = "share"
    QUANTILE = "quantile"
    CORR = "corr"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Term:
    """A column's numbers or, with a `value`, 1 for records that have this value and 0 for those that have another."""

    column: str
    value: str | None = None

    def __str__(self) -> str:
        return self.column if self.value is None else f"{self.column}={self.value}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far the synthetic answer may lie from the real one."""

    size: float
    relative: bool
    """Whether `size` is a share of the real answer, 0.05 being 5 % of it; else it is in the answer's own unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aggregate:
    """One question."""

    text: str
    """As it was asked."""
    function: Function
    terms: tuple[Term, ...]
    """One column; two of a correlation; of a regression what is explained, then what explains it."""
    part: float | None = None
    """Of a quantile."""
    by: str | None = None
    within: Tolerance | None = None
    """The tolerance of this question; None for that of the job."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        named = [term.column for term in self.terms] + ([] if self.by is None else [self.by])
        return tuple(dict.fromkeys(named))

    @property
    def values(self) -> tuple[Term, ...]:
        """The terms that name a value, each once."""
        return tuple(dict.fromkeys(term for term in self.terms if term.value is not None))

    def tolerance(self, of_job: float) -> Tolerance:
        """The question's own tolerance, or that of the job: in points of a share or a correlation, else relative."""
        if self.within is not None:
            return self.within
        return Tolerance(of_job, relative=self.function not in {Function.SHARE, Function.CORR})


def is_date(aggregate: Aggregate, schema: TableSchema) -> bool:
    """Whether the answer is a date."""
    return schema[aggregate.terms[0].column].kind.is_moment


def check_asked(aggregates: Iterable[Aggregate], schema: TableSchema) -> None:
    """Raises AskedError, which names the question by its place, where one does not fit the columns of the table."""
    for place, aggregate in enumerate(aggregates, start=1):
        try:
            _check(aggregate, schema)
        except AskedError as error:
            raise AskedError(f"ask {place}, {aggregate.function}: {error}") from None


def _check(aggregate: Aggregate, schema: TableSchema) -> None:
    for name in aggregate.columns:
        if name not in schema.names:
            spaced = next((known for known in schema.names if known.strip() == name), None)
            if spaced is not None:
                raise AskedError(f'expected spaces around the name as the table has them: say "{spaced}", in quotes')
            # not repeated: what is no column may be a cell
            raise AskedError(
                f"expected names of the {len(schema)} columns of the data set, got another one; write it as the table "
                'does, in quotes where it holds spaces or signs: "hours per week"'
            )
        if not schema[name].kind.is_learnt:
            raise AskedError(f"expected columns that are learnt, got the identifier {name!r}")
    for term in aggregate.terms:
        _check_term(aggregate, term, schema[term.column].kind)
    if aggregate.by is not None:
        _check_groups(aggregate, aggregate.by, schema[aggregate.by].kind)


def _check_term(aggregate: Aggregate, term: Term, kind: ColumnKind) -> None:
    name, function = term.column, aggregate.function
    if kind.is_moment:
        if function not in {Function.MEAN, Function.QUANTILE}:
            raise AskedError(
                f"expected numerical or categorical columns, got the dates of {name!r}; ask for their mean"
            )
        if aggregate.within is None or aggregate.within.relative:
            raise AskedError(f"{name!r} holds dates, of which no tolerance is a share: say within how many days")
    elif term.value is None and kind.is_category:
        instead = "ask for share(COLUMN=VALUE)" if len(aggregate.terms) == 1 else "name a category of it, COLUMN=VALUE"
        raise AskedError(f"expected a numerical column, got the categorical {name!r}; {instead}")
    elif term.value is not None and kind.is_quantity and as_number(term.value) is None:
        raise AskedError(f"expected a number after {name!r}=, got something else")


def _check_groups(aggregate: Aggregate, by: str, kind: ColumnKind) -> None:
    if kind.is_moment:
        raise AskedError(f"expected a categorical or numerical column after by, got the dates of {by!r}")
    if by in {term.column for term in aggregate.terms}:
        raise AskedError(f"expected another column after by than those asked about, got {by!r}")
