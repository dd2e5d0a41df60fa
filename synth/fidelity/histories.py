"""People with several records: how many each has, what stays as it is, and how one record follows another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from synth.fidelity.delong import auc_interval
from synth.fidelity.frames import Part
from synth.protection import HOLDERS, TABLE_RECORDS
from synth.table.histories import CONSTANT_SHARE
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from synth.threads import one_thread

BINS = 10
"""Into so many bins of equally many real records a quantity is cut, and so many categories are told apart."""
FEWEST_PEOPLE = 50
MOST_PEOPLE = 10_000
FOLDS = 5

Places = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """In which share of people, or of pairs of records, something holds."""

    train: float
    synthetic: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """A distance of the synthetic table to the holdout, and that of train, which a real sample reaches."""

    synthetic: float
    floor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """How much synthetic people are like real ones in what lies between their records."""

    people: Mapping[str, int]
    """In train, holdout and synthetic"""
    records_each: Mapping[str, float]
    """The mean number of records of a person, of the same; more than HOLDERS people have count as so many"""
    records: Beside
    """Wasserstein distance of these numbers"""
    constant: Mapping[str, Kept]
    """By column: the share of people with several records for whom it is constant"""
    order: str | None
    """The column that orders records: the one that the schema names, or the first of dates"""
    ascends: Kept | None
    """The share of pairs of consecutive records, as they stand in the table, in which it does not fall"""
    gaps: Beside | None
    """Total variation of the gaps between consecutive values of it"""
    transitions: Mapping[str, Beside]
    """By column: total variation of the pairs of values of consecutive records"""
    detection: Beside
    """AUC of boosted trees that tell people apart by what sums them up; one half is best"""

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Side:
    frame: pd.DataFrame
    who: Places
    """(records,) ascending"""
    held: Places
    """(people,) records of each"""

    @property
    def pairs(self) -> Places:
        """The records that follow one of the same person."""
        return np.flatnonzero(np.diff(self.who, prepend=-1) == 0)

    @property
    def starts(self) -> Places:
        return np.cumsum(self.held) - self.held

    @property
    def usual(self) -> Places:
        """(people,) records of each, at most so many as HOLDERS people have: one person's are not to be told."""
        usual: Places = np.minimum(self.held, np.sort(self.held)[-HOLDERS:][0])
        return usual


def histories(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema, rng: np.random.Generator
) -> Histories | Part:
    """The figures; a Part that says why where no column names people, or too few of them have several records.

    Tables hold numbers and dates in place of texts that stand for them. Floors compare train with holdout.
    """
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return Part(reason="No column says whom a record is about.")
    held = train[person].value_counts()
    if int((held > 1).sum()) < TABLE_RECORDS:
        return Part(reason=f"Fewer than {TABLE_RECORDS} people of train have several records.")
    asis = {n: _side(f, person, None) for n, f in (("train", train), ("synthetic", synthetic))}
    order = schema.with_role(ColumnRole.ORDER) or _dates(schema, asis["train"])
    frames = {"train": train, "holdout": holdout, "synthetic": synthetic}
    sides = {name: _side(frame, person, order) for name, frame in frames.items()}
    if min(len(side.held) for side in sides.values()) < FEWEST_PEOPLE:
        return Part(reason=f"Fewer than {FEWEST_PEOPLE} people in train, in holdout or in the synthetic table.")
    real = sides["holdout"]
    constant = _constants(asis, schema.learnt)
    changing = [name for name in schema.learnt if name not in constant and name != order]
    return Histories(
        people={name: len(side.held) for name, side in sides.items()},
        records_each={name: float(side.usual.mean()) for name, side in sides.items()},
        records=Beside(
            synthetic=float(wasserstein_distance(sides["synthetic"].usual, real.usual)),
            floor=float(wasserstein_distance(sides["train"].usual, real.usual)),
        ),
        constant=constant,
        order=order,
        ascends=None
        if order is None
        else Kept(train=_ascends(asis["train"], order), synthetic=_ascends(asis["synthetic"], order)),
        gaps=None if order is None else _gaps(sides, order),
        transitions={name: _transition(sides, name, schema[name].kind) for name in changing},
        detection=Beside(
            synthetic=_told_apart(real, sides["synthetic"], schema, rng.spawn(1)[0]),
            floor=_told_apart(real, sides["train"], schema, rng.spawn(1)[0]),
        ),
    )


def _side(frame: pd.DataFrame, person: str, order: str | None) -> _Side:
    """The records person after person; in the order of a column, or as they stand."""
    frame = frame[frame[person].notna()]
    who = pd.factorize(frame[person])[0].astype(np.int64)
    keys = [np.arange(len(who)), who] if order is None else [np.arange(len(who)), _numbers(frame[order]), who]
    at = np.lexsort(keys)
    return _Side(frame=frame.iloc[at].reset_index(drop=True), who=who[at], held=np.bincount(who))


def _numbers(column: pd.Series) -> Numbers:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.to_numpy().astype("datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _dates(schema: TableSchema, side: _Side) -> str | None:
    """The first column of dates that does not stay as it is."""
    return next((name for name in schema.moments if _constant(side, name) < CONSTANT_SHARE), None)


def _constants(asis: Mapping[str, _Side], names: Sequence[str]) -> dict[str, Kept]:
    """The columns that are constant for most people of train, and for how many of each table."""
    kept = {
        name: Kept(train=_constant(asis["train"], name), synthetic=_constant(asis["synthetic"], name)) for name in names
    }
    return {name: each for name, each in kept.items() if each.train >= CONSTANT_SHARE}


def _transition(sides: Mapping[str, _Side], name: str, kind: ColumnKind) -> Beside:
    """How a column of one record follows that of the record before."""
    return _beside({each: _joint(sides[each], code) for each, code in _coded(sides, name, kind).items()})


def _constant(side: _Side, name: str) -> float:
    codes = pd.factorize(side.frame[name], use_na_sentinel=True)[0]
    kept = np.minimum.reduceat(codes, side.starts) == np.maximum.reduceat(codes, side.starts)
    several = side.held > 1
    return float(kept[several].mean()) if several.any() else 1.0


def _ascends(side: _Side, name: str) -> float:
    values = _numbers(side.frame[name])
    later = side.pairs
    return float((values[later] >= values[later - 1]).mean()) if len(later) else 1.0


def _coded(sides: Mapping[str, _Side], name: str, kind: ColumnKind) -> dict[str, Places]:
    """(records,) of each side the number of the bin, or of the category; the last is for what is missing."""
    real = sides["holdout"].frame[name]
    if kind.is_category:
        often = real.value_counts().index[:BINS]
        found = {each: pd.Index(often).get_indexer(pd.Index(side.frame[name])) for each, side in sides.items()}
        return {each: np.where(code < 0, BINS, code).astype(np.int64) for each, code in found.items()}
    numbers = {each: _numbers(side.frame[name]) for each, side in sides.items()}
    return _binned(numbers)


def _binned(numbers: Mapping[str, Numbers]) -> dict[str, Places]:
    real = numbers["holdout"]
    present = real[np.isfinite(real)]
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS)) if len(present) else np.empty(0)
    return {
        each: np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), BINS).astype(np.int64)
        for each, values in numbers.items()
    }


def _joint(side: _Side, code: Places) -> Numbers:
    later = side.pairs
    counts = np.bincount(code[later - 1] * (BINS + 1) + code[later], minlength=(BINS + 1) ** 2)
    shares: Numbers = counts / max(int(counts.sum()), 1)
    return shares


def _beside(shares: Mapping[str, Numbers]) -> Beside:
    real = shares["holdout"]
    return Beside(
        synthetic=float(np.abs(shares["synthetic"] - real).sum() / 2),
        floor=float(np.abs(shares["train"] - real).sum() / 2),
    )


def _gaps(sides: Mapping[str, _Side], order: str) -> Beside:
    values = {each: _numbers(side.frame[order]) for each, side in sides.items()}
    rises = {each: values[each][side.pairs] - values[each][side.pairs - 1] for each, side in sides.items()}
    coded = _binned(rises)
    shares = {each: np.bincount(code, minlength=BINS + 1) / max(len(code), 1) for each, code in coded.items()}
    return _beside(shares)


def _told_apart(real: _Side, other: _Side, schema: TableSchema, rng: np.random.Generator) -> float:
    """The out-of-fold AUC of people by what sums them up: how many records, and of each column what they hold."""
    sides = [_some(side, rng) for side in (real, other)]
    summed = _summed(sides, schema)
    size = min(map(len, summed))
    x = np.concatenate([each[:size] for each in summed])
    y = np.repeat([0, 1], size)
    seed = int(rng.integers(2**31))
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        score = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    return auc_interval(score[y == 1], score[y == 0]).value


def _some(side: _Side, rng: np.random.Generator) -> _Side:
    """At most MOST_PEOPLE of them, in random order."""
    place = np.full(len(side.held), -1)
    chosen = rng.permutation(len(side.held))[:MOST_PEOPLE]
    place[chosen] = np.arange(len(chosen))
    who = place[side.who]
    at = np.argsort(np.where(who < 0, len(place), who), kind="stable")[: int((who >= 0).sum())]
    return _Side(frame=side.frame.iloc[at].reset_index(drop=True), who=who[at], held=np.bincount(who[at]))


def _summed(sides: list[_Side], schema: TableSchema) -> list[Numbers]:
    """(people, sums) of each side."""
    found: list[list[Numbers]] = [[side.held.astype(np.float64)] for side in sides]
    for spec in schema:
        if not spec.kind.is_learnt:
            continue
        if spec.kind.is_category:
            often = sides[0].frame[spec.name].value_counts().index[:BINS]
            for parts, side in zip(found, sides, strict=True):
                held = [np.bincount(side.who, (side.frame[spec.name] == c).to_numpy(dtype=float)) for c in often]
                parts += [each / side.held for each in held]
            continue
        for parts, side in zip(found, sides, strict=True):
            values = pd.Series(_numbers(side.frame[spec.name])).groupby(side.who)
            parts += [values.agg(how).to_numpy(dtype=np.float64) for how in ("mean", "min", "max", "std")]
    return [np.stack(parts, axis=1) for parts in found]
