"""Is something of the training records written down in a file that is kept beside the table: a model, a report?

It reads files, not a synthetic table, so it is no attack of the battery: whoever writes such a file has it searched and
joins the findings to the audit (`AuditResult.joined`). A find is a find, however few there are: nothing found is the
only way to pass. Holdout is the control: what is found of people whose records no file was made from is chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.canonical import Keys, canonical
from privacy.distance import as_numbers
from privacy.estimate import clopper_pearson
from privacy.finding import Finding, FindingStatus
from privacy.grid import Grid
from privacy.holders import Holders, is_number, keys_of
from privacy.threat import AuditTables
from privacy.tokens import Cell, Tokens, as_number, as_text, read_tokens
from synth.protection import HOLDERS
from synth.table.schema import ColumnSpec, TableSchema

ABOUT = About(
    title="Files beside the table",
    question=Question.COPIES,
    statistics={
        "model_records": "training records in the model",
        "model_rare_values": "values of few people in the model",
        "model_extremes": "ends of columns in the model",
        "report_records": "training records in the report",
        "report_rare_values": "values of few people in the report",
        "report_extremes": "ends of columns in the report",
    },
    plants=None,
)

IMPROBABLE = 0.05
"""Values of a column count one by one where fewer finds than this are expected by chance."""
PLANTED = 200
"""How many records, and of each column how many values, are planted to see whether the search finds them."""
SHORTEST_LABEL = 4
"""Shorter words stand in any file for something else; they count under their column's name alone."""
MANY_DIGITS = 4
"""The end of a column counts wherever it stands if it has so many significant digits, zeros at the end left out."""
ELSEWHERE = 2
"""Other columns, at least, under whose names a number has to stand in the same field to say nothing of this one."""
USUAL = (0.0, 1.0)
"""The only numbers of which that is believed: counts and shares begin or end there, other ends coincide by chance."""

HOLDER = "An attacker holds a file that was made from train, such as the model or the report, and"
RECORDS = f"{HOLDER} reads records in it."
VALUES = f"{HOLDER} finds a value in it that fewer than {HOLDERS} people have."
EXTREMES = f"{HOLDER} finds the end of a column in it, which fewer than {HOLDERS} people have."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    """What was looked for and found in one place: of train, and of holdout as the control."""

    column: str
    train: int
    train_found: int
    holdout: int
    holdout_found: int
    telling: bool
    """Whether chance hardly explains a single find."""

    def lower(self, confidence: float) -> float:
        """How many finds are more than chance explains.

        Of train's values chance finds at most the share that is the upper Clopper-Pearson limit of the control's.
        """
        if self.holdout == 0:
            return 0.0
        share = clopper_pearson(self.holdout_found, self.holdout, confidence=confidence)[1]
        return max(0.0, self.train_found - self.train * share)

    @property
    def finds(self) -> int:
        """The finds that count: all where one alone is telling, else all or none, as the control has it."""
        return self.train_found if self.telling or self.lower(0.95) > 0 else 0


def artefacts(
    tables: AuditTables, documents: Sequence[object], rng: np.random.Generator, *, where: str = ""
) -> tuple[Finding, ...]:
    """Three findings on files: `artefacts.records`, `artefacts.rare_values` and `artefacts.extremes`.

    `documents` are JSON values, text, or tensors as arrays; a mapping of any of these is one, too. Each statistic is a
    number of finds, of which 0 are expected. Its upper end is that number, for all may be real; the lower end is how
    many are more than chance explains. `where`, e.g. `report`, is put before the names of the statistics. The search is
    run a second time on the documents with known records, values and ends planted into them, and the findings bring
    along what it made of these.
    """
    names = [spec.name for spec in tables.schema]
    holders = Holders(tables)
    planted = [*documents, _plant(holders, rng)]
    found, again = (_search(holders, read_tokens(each, names)) for each in (documents, planted))
    prefix = f"{where}_" if where else ""
    return tuple(
        _finding(f"{prefix}{name}", threat, found[name], again[name])
        for name, threat in (("records", RECORDS), ("rare_values", VALUES), ("extremes", EXTREMES))
    )


def _finding(statistic: str, threat: str, counts: list[_Count], planted: list[_Count]) -> Finding:
    total = sum(count.train for count in counts)
    if total == 0:
        return Finding(
            attack="artefacts",
            statistic=statistic,
            status=FindingStatus.NOT_APPLICABLE,
            threat=threat,
            note="Nothing in train belongs to so few people.",
        )
    finds, on_plant = sum(c.finds for c in counts), sum(c.finds for c in planted)
    # a leak in some column is a union of claims, so lower ends are corrected for the number of columns
    lower = max(c.lower(1 - 0.05 / len(counts)) for c in counts)
    columns = [c.column for c in counts if c.finds and c.column]
    return Finding(
        attack="artefacts",
        statistic=statistic,
        value=float(finds),
        baseline=0.0,
        lower=min(lower, float(finds)),
        upper=float(finds),
        n=total,
        threat=threat,
        minimum_detectable=1.0,
        note=f"Found for {', '.join(columns)}." if columns else "",
        details={
            "found_of_holdout": float(sum(c.holdout_found for c in counts)),
            "looked_for_of_holdout": float(sum(c.holdout for c in counts)),
            "found_but_explained_by_chance": float(sum(c.train_found for c in counts) - finds),
            "planted_auc": float(on_plant),
            "planted_lower": float(on_plant - finds),
            "planted_upper": float(on_plant),
        },
    )


def _search(holders: Holders, tokens: Tokens) -> dict[str, list[_Count]]:
    return {
        "records": [_records(holders, tokens)],
        "rare_values": [_rare(holders, tokens, spec) for spec in holders.schema],
        "extremes": [_extremes(holders, tokens, spec) for spec in holders.columns if spec.kind.is_quantity],
    }


def _records(holders: Holders, tokens: Tokens) -> _Count:
    """Records that nobody else has, as so many cells one after another in the order of the schema."""
    train, holdout = holders.records
    keys, times = np.unique(np.concatenate([train, holdout]), return_counts=True)
    unique = keys[times == 1]
    width = len(holders.columns)
    # infinity is in no record: it keeps windows from reaching over the end of a run
    joined = [cell for run in tokens.runs if len(run) >= width for cell in (*run, np.inf)]
    written = [_windows(holders, joined)] if joined else []
    if all(is_number(holders, spec) for spec in holders.columns):
        padded = [np.pad(rows, ((0, 0), (0, 1)), constant_values=np.inf).ravel().tolist() for rows in tokens.rows]
        written += [_windows(holders, cells) for cells in padded if len(cells) >= width]
    there = np.unique(np.concatenate(written)) if written else np.empty(0, dtype=np.uint64)
    ours, others = (side[np.isin(side, unique)] for side in (train, holdout))
    return _Count(
        column="",
        train=len(ours),
        train_found=int(np.isin(ours, there).sum()),
        holdout=len(others),
        holdout_found=int(np.isin(others, there).sum()),
        telling=True,
    )


def _windows(holders: Holders, run: Sequence[Cell]) -> Keys:
    """The keys of all records that the run could hold: every window of one cell for each column."""
    n = len(run) - len(holders.columns) + 1
    numbers = np.array([as_number(cell) for cell in run], dtype=np.float64)
    texts = np.array([as_text(cell) for cell in run], dtype=object)
    cells = {
        spec.name: (numbers if is_number(holders, spec) else texts)[i : i + n] for i, spec in enumerate(holders.columns)
    }
    return canonical(pd.DataFrame(cells), TableSchema(columns=tuple(holders.columns))).records


def _rare(holders: Holders, tokens: Tokens, spec: ColumnSpec) -> _Count:
    """Values that few have: numbers anywhere, or near the column's name where too many stand elsewhere; and labels."""
    ours, others = holders.rare(spec.name)
    there, telling = _numbers(holders, tokens, spec, len(ours)) if is_number(holders, spec) else _labels(tokens, spec)
    return _Count(
        column=spec.name,
        train=len(ours),
        train_found=int(np.isin(ours, there).sum()),
        holdout=len(others),
        holdout_found=int(np.isin(others, there).sum()),
        telling=telling,
    )


def _labels(tokens: Tokens, spec: ColumnSpec) -> tuple[Keys, bool]:
    anywhere = {t for t in tokens.labels_of(None) if len(t) >= SHORTEST_LABEL and any(map(str.isalpha, t))}
    found = sorted(anywhere | tokens.labels_of(spec.name))
    return keys_of(pd.DataFrame({spec.name: pd.Series(found, dtype=object)}), spec), True


def _numbers(holders: Holders, tokens: Tokens, spec: ColumnSpec, rare: int) -> tuple[Keys, bool]:
    """The numbers that stand under the column's name or, where chance hardly finds any there, in all of the files.

    Chance is expected to find (numbers on the column's grid and in its range) x (rare values) / (points of the grid).
    """
    grid = _grid(holders, spec)
    near, all_numbers = tokens.numbers_of(spec.name), tokens.numbers_of(None)
    near, all_numbers = _in_units(near, spec), _in_units(all_numbers, spec)
    anywhere = grid.chance(all_numbers) * rare < IMPROBABLE
    numbers = all_numbers if anywhere else near
    telling = anywhere or grid.chance(near) * rare < IMPROBABLE
    return _numeric_keys(spec, numbers), telling


def _grid(holders: Holders, spec: ColumnSpec) -> Grid:
    sides = [as_numbers(side[spec.name]) for side in (holders.train, holders.holdout)]
    return Grid.of(np.concatenate(sides), dates=spec.kind.is_moment)


def _extremes(holders: Holders, tokens: Tokens, spec: ColumnSpec) -> _Count:
    """The ends of a column that few have: as an end of something under its name, or anywhere if it has many digits.

    In an array it has to stand by itself: among places of nodes, which stand side by side, any number is found.
    """
    ours, others = holders.ends(spec.name)
    grid = _grid(holders, spec)
    anywhere = _numeric_keys(spec, _in_units(tokens.outside_arrays(), spec))

    def found(value: float | None, listed: set[float]) -> bool:
        if value is None:
            return False
        ends = _numeric_keys(spec, _in_units(np.array(sorted(listed)), spec))
        sought = _numeric_keys(spec, [value])
        if _digits(value) < MANY_DIGITS:
            return bool(np.isin(sought, ends).any())
        with np.errstate(over="ignore"):
            arrays = [array * unit for array in tokens.arrays_of(None) for unit in _units(spec)]
        told = [each for array in arrays for each in grid.telling(value, array)]
        return bool(np.isin(sought, np.concatenate([ends, anywhere, _numeric_keys(spec, told)])).any())

    control = [None if value == own else value for value, own in zip(others, ours, strict=True)]
    ends = _telling_ends(holders, tokens, spec)
    return _Count(
        column=spec.name,
        train=sum(value is not None for value in ours),
        train_found=sum(map(found, ours, ends)),
        holdout=sum(value is not None for value in control),
        holdout_found=sum(map(found, control, ends)),
        telling=True,
    )


def _telling_ends(holders: Holders, tokens: Tokens, spec: ColumnSpec) -> list[set[float]]:
    """What stands as a lower, and as an upper end of something under the column's name.

    But for 0 and 1 where they stand on the same side in the same field of every other column that has it, and are no
    ends of several of these: the ranks of all columns go from 0 to 1. They say nothing of this column.
    """
    found: list[set[float]] = [set(), set()]
    for name, sides in tokens.ends.get(spec.name, {}).items():
        for side, numbers in enumerate(sides):
            found[side] |= {x for x in numbers if x not in USUAL or not _is_usual(holders, tokens, spec, name, side, x)}
    return found


def _is_usual(holders: Holders, tokens: Tokens, spec: ColumnSpec, name: str, side: int, number: float) -> bool:
    """Whether the number is on this side of this field under all other quantities, and is no end of several."""
    others = [each.name for each in holders.columns if each.kind.is_quantity and each.name != spec.name]
    fields = {other: tokens.ends.get(other, {}).get(name) for other in others}
    if not name or any(sides is not None and number not in sides[side] for sides in fields.values()):
        return False
    return sum(sides is not None and number not in holders.outermost(o) for o, sides in fields.items()) >= ELSEWHERE


def _in_units(numbers: NDArray[np.float64], spec: ColumnSpec) -> NDArray[np.float64]:
    """The numbers; for dates also what they are in microseconds if they are milliseconds, seconds or days."""
    return np.concatenate([numbers * unit for unit in _units(spec)])


def _units(spec: ColumnSpec) -> tuple[float, ...]:
    return (1, 1e3, 1e6, 864e8) if spec.kind.is_moment else (1,)


def _digits(value: float) -> int:
    """How many significant digits the value has, but for zeros at the end."""
    return len(f"{abs(value):.9g}".partition("e")[0].replace(".", "").strip("0"))


def _numeric_keys(spec: ColumnSpec, numbers: Sequence[float] | NDArray[np.float64]) -> Keys:
    return keys_of(pd.DataFrame({spec.name: np.asarray(numbers, dtype=np.float64)}), spec)


def _plant(holders: Holders, rng: np.random.Generator) -> list[object]:
    """Records, rare values and ends of train as a file would hold them that was written without care."""
    names = [spec.name for spec in holders.columns]
    chosen = holders.train.iloc[rng.permutation(len(holders.train))[:PLANTED]]
    rows = [[_json(value) for value in record] for record in chosen[names].itertuples(index=False)]
    columns = []
    for spec in holders.schema:
        rare = holders.rare(spec.name)[0]
        held = holders.train[spec.name][np.isin(holders.keys[spec.name][0], rng.permutation(rare)[:PLANTED])]
        columns.append({"column": spec.name, "values": [_json(value) for value in held]})
        if spec.kind.is_quantity:
            columns.append({"column": spec.name, "range": [v for v in holders.ends(spec.name)[0] if v is not None]})
    return [*rows, *columns]


def _json(value: object) -> object:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value
