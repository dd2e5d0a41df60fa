"""Do all tables have the same columns in the same coding? Where one does not, nothing in it is near to anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from privacy import marginals
from privacy.about import About, Question
from privacy.canonical import Keys
from privacy.distance import as_labels, as_numbers
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.marginals import Difference, Grain, Values
from privacy.validity import LEVEL, check, not_checked
from synth.table.schema import ColumnKind, ColumnSpec

ABOUT = About(
    title="Coding check",
    question=Question.TRUST,
    statistics={
        "missing_share": "missing cells, worst column",
        "unknown_share": "categories that nobody has, worst column",
        "frequencies_share": "categories in other shares, worst column",
        "numbers_share": "numbers and dates elsewhere, worst column",
        "grain_share": "numbers and dates off their round values, worst column",
        "repeats_share": "different records missing",
    },
    plants=None,
)

T = TypeVar("T")

MOST_RECORDS = 20_000
"""Per table, drawn at random: what is gross is seen in so many."""
FEWEST_ROWS = 10
LIMITS = {"missing": 0.5, "unknown": 0.25, "frequencies": 0.6, "numbers": 0.6, "grain": 0.5, "repeats": 0.95}
"""What a table may differ from train more than holdout does, as a share of a column's cells. Wide on purpose: a poor
generator has a tenth or two of each column elsewhere, and its table is to be attacked and not refused. Categories that
nobody has are another matter: no generator that learnt from train emits them by the quarter."""
MOST_NAMED = 5


def comparability(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """How far the columns of the synthetic table lie from train's, beyond holdout's; and holdout's and reference's own.

    One finding per statistic, of the worst table and column; a policy voids the audit where one is above its limit and
    not chance at the level of `privacy.validity`, and `note` names the columns and what seems to have happened:

    - `comparability.missing_share`: difference of the shares that are missing.
    - `comparability.unknown_share`: share of categories that neither train, holdout nor reference has.
    - `comparability.frequencies_share`: total variation between the shares of categories.
    - `comparability.numbers_share`: share of numbers or dates elsewhere; see `marginals.elsewhere`.
    - `comparability.grain_share`: share of dates off train's full minutes (or whatever it keeps to), if all are off by
      the same; of holdout and reference the share of dates and numbers that are off train's grain at all.
    - `comparability.repeats_share`: how many fewer different records the synthetic table has than as many of train.
    """
    tables = evidence.tables
    if tables is None:
        return (not_checked("comparability", "numbers_share", "The tables themselves are not at hand."),)
    frames = {name: _sample(frame, rng) for name, frame in tables.named()}
    found = [_repeats(evidence.train_keys.records, evidence.synthetic_keys.records, rng)]
    for spec in tables.schema:
        if spec.kind.is_learnt:
            found.extend(_of_column(spec, frames))
    return tuple(_finding(name, [each for each in found if each.statistic == name], len(found)) for name in LIMITS)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """One column of one table."""

    statistic: str
    difference: Difference
    n: int
    cause: str


Differences = Mapping[str, Difference]


def _sample(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame if len(frame) <= MOST_RECORDS else frame.iloc[rng.permutation(len(frame))[:MOST_RECORDS]]


def _judged(statistic: str, found: Differences, sizes: Mapping[str, int], say: Callable[[str], str]) -> list[_Judged]:
    """What was found on each table, the synthetic one's less what holdout's shows beside it."""
    beside = found.get("holdout", Difference(value=0.0)).value
    less = {
        table: replace(found[table], value=found[table].value - beside) if table == "synthetic" else found[table]
        for table in found
    }
    return [
        _Judged(statistic=statistic, difference=difference, n=sizes[table], cause=say(table))
        for table, difference in less.items()
    ]


def _of_column(spec: ColumnSpec, frames: Mapping[str, pd.DataFrame]) -> list[_Judged]:
    columns = {name: frame[spec.name] for name, frame in frames.items() if len(frame)}
    blank = {name: column.isna().to_numpy(dtype=bool) for name, column in columns.items()}

    def say(table: str) -> str:
        ours, theirs = (_percent(float(blank[name].mean())) for name in (table, "train"))
        return f"is blank in {ours} of {_named(table)} and in {theirs} of train"

    found = {name: marginals.missing(cells, blank["train"]) for name, cells in _others(blank).items()}
    judged = _judged("missing", found, {name: len(cells) for name, cells in blank.items()}, say)
    present = {name: column[~blank[name]] for name, column in columns.items() if not blank[name].all()}
    if "train" in present:
        judged += _of_categories(present) if spec.kind.is_category else _of_numbers(present, spec.kind)
    return [replace(each, cause=f"column {spec.name!r} {each.cause}") for each in judged]


def _others(tables: Mapping[str, T]) -> dict[str, T]:
    return {name: table for name, table in tables.items() if name != "train"}


def _of_categories(columns: Mapping[str, pd.Series]) -> list[_Judged]:
    texts = {name: as_labels(column) for name, column in columns.items()}
    sizes = {name: len(labels) for name, labels in texts.items()}
    people = {name: frozenset(labels.tolist()) for name, labels in texts.items() if name != "synthetic"}
    expected = marginals.unseen(texts["train"])
    strange = {
        name: marginals.unknown(
            labels, frozenset().union(*(known for other, known in people.items() if other != name)), expected=expected
        )
        for name, labels in _others(texts).items()
    }
    shares = {
        name: marginals.frequencies(labels, texts["train"])
        for name, labels in _others(texts).items()
        if strange[name].value <= LIMITS["unknown"]
    }

    def say_strange(table: str) -> str:
        return (
            f"has categories in {_percent(strange[table].value)} of {_named(table)} that no other table of people has: "
            "other spellings or another language"
        )

    def say_shares(table: str) -> str:
        return (
            f"has other categories than train's in {_percent(shares[table].value)} of {_named(table)}: labels "
            "that were exchanged, or other spellings"
        )

    return [*_judged("unknown", strange, sizes, say_strange), *_judged("frequencies", shares, sizes, say_shares)]


def _of_numbers(columns: Mapping[str, pd.Series], kind: ColumnKind) -> list[_Judged]:
    numbers = {name: as_numbers(column) for name, column in columns.items()}
    finite = {name: values[np.isfinite(values)] for name, values in numbers.items()}
    values = {name: some for name, some in finite.items() if len(some)}
    if "train" not in values:
        return []
    train, others, sizes = values["train"], _others(values), {name: len(some) for name, some in values.items()}
    moved = {name: marginals.elsewhere(some, train) for name, some in others.items()}
    off = _off_grain(values, kind)

    def say_moved(table: str) -> str:
        seems = marginals.how_moved(others[table], train)
        return f"lies elsewhere than train's in {_percent(moved[table].value)} of {_named(table)}: {seems}"

    def say_off(table: str) -> str:
        share, other = _percent(off[table].value), "holdout" if table == "train" else "train"
        return (
            f"is off the round values that {other} keeps to in {share} of {_named(table)}: moved by a fixed amount, or "
            "recorded more finely"
        )

    return [*_judged("numbers", moved, sizes, say_moved), *_judged("grain", off, sizes, say_off)]


def _off_grain(values: Mapping[str, Values], kind: ColumnKind) -> dict[str, Difference]:
    """The share of each table off train's grain, and of train off holdout's.

    Of the synthetic table only dates that are all off by the same: generators that do not round are poor ones, and
    their tables are to be attacked.
    """
    dates = kind.is_moment
    off: dict[str, Difference] = {}
    for name, some in values.items():
        other = values.get("holdout") if name == "train" else values["train"]
        grain = None if other is None else Grain.of(other, dates=dates)
        if grain is not None and (name != "synthetic" or (dates and grain.is_shifted(some))):
            off[name] = grain.difference(some)
    return off


def _repeats(train: Keys, synthetic: Keys, rng: np.random.Generator) -> _Judged:
    """How many different records are missing of those that as many of train have, all but one; a count and no test."""
    n = min(len(train), len(synthetic))
    ours, theirs = (len(np.unique(rng.permutation(keys)[:n])) for keys in (synthetic, train))
    is_told = n >= FEWEST_ROWS and theirs > 1
    value = 1 - (ours - 1) / (theirs - 1) if is_told else 0.0
    return _Judged(
        statistic="repeats",
        difference=Difference(value=value, p_value=0.0 if is_told else 1.0),
        n=n,
        cause=f"{ours} different among {n} records, where train has {theirs}",
    )


def _finding(statistic: str, judged: Sequence[_Judged], tests: int) -> Finding:
    if not judged:
        return not_checked("comparability", f"{statistic}_share", "No column has values that this could be told of.")
    limit, level = LIMITS[statistic], LEVEL / tests
    gross = [each for each in judged if each.difference.value > limit and each.difference.p_value <= level]
    worst = max(gross or judged, key=lambda each: each.difference.value)
    causes = [each.cause for each in sorted(gross, key=lambda each: -each.difference.value)]
    if statistic == "repeats":
        intro, fix = "The synthetic table repeats itself: ", "Generate it anew and audit again."
    else:
        intro, fix = "The tables are not in one coding: ", "Bring all tables into one coding and audit again."
    more = f"; and {len(causes) - MOST_NAMED} more" if len(causes) > MOST_NAMED else ""
    return check(
        f"comparability.{statistic}_share",
        value=worst.difference.value,
        baseline=limit,
        p_value=worst.difference.p_value,
        level=level,
        n=worst.n,
        cause=f"{intro}{'; '.join(causes[:MOST_NAMED])}{more}. {fix}",
    )


def _named(table: str) -> str:
    return "the synthetic table" if table == "synthetic" else table


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
