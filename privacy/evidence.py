"""What all attacks look at: the tables encoded once, the records under attack, and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.align import Layout, align
from privacy.canonical import Canonical, Keys, canonical
from privacy.cells import Cells, cells_of
from privacy.columns import Place, places
from privacy.distance import Encoded, Numbers, directions, encode, nearest
from privacy.linkage import Links, link
from privacy.lookups import LookUp
from privacy.searches import look_ups_both_ways
from privacy.threat import AuditTables
from synth.table.schema import ColumnRole, TableSchema

NEIGHBOURS = 5
"""Membership inference uses the nearest record and the mean of the five nearest (research: k = 1 and a small k)."""
MOST_RECORDS = 10_000
FEWEST_RECORDS = 2_500
DISTANCES_PER_SIDE = 300_000_000
"""Records under attack per side: as many as keep the distances to the synthetic table within this number, between the
fewest and the most. 10,000 lets a true-positive rate be read at a false-positive rate of 0.1 %."""
MOST_SYNTHETIC = 1_000_000
MOST_REFERENCE = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """Distances of the records under attack, train and holdout: float32, records x neighbours, nearest first."""

    train_synthetic: Numbers
    holdout_synthetic: Numbers
    train_reference: Numbers | None
    holdout_reference: Numbers | None
    train_isolation: Numbers
    """Mean distance to the five nearest others among the records under attack of both sides."""
    holdout_isolation: Numbers
    train_achilles: Numbers
    """The same by the Achilles score (arXiv 2306.10308): (categories that differ + numeric columns x (1 - cosine of the
    numbers)), mean over the five nearest others. It sees odd combinations, whatever their distance."""
    train_aligned: Numbers
    """Like `train_synthetic`, to the synthetic table recoded to look like the people: see `privacy.align`."""
    holdout_aligned: Numbers
    crossing: NDArray[np.bool_]
    """Records under attack that are each other's nearest, the nearest pair first: whether one of the two is of train
    and the other of holdout."""
    holdout_achilles: Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """All records of a side, and whose they are."""

    keys: Keys
    people: NDArray[np.intp]
    """A number for each person: 0 up to, but not including, how many there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything the attacks need.

    `train` and `holdout` are the records under attack: equally many of each, drawn at random.
    """

    train: Encoded
    holdout: Encoded
    reference: Encoded | None
    synthetic: Encoded
    near: Near
    train_keys: Canonical
    """Of all records of train, not only of those under attack: a look-up is cheap."""
    holdout_keys: Canonical
    synthetic_keys: Canonical
    reference_keys: Canonical | None
    """Of the records in `reference`, in the same order."""
    train_cells: Cells
    """Of all records of train, in the order of `train_keys`."""
    holdout_cells: Cells
    synthetic_cells: Cells
    """In the order of `synthetic_keys`."""
    reference_cells: Cells | None
    links: Links
    """Which of the records under attack the synthetic records point at."""
    other_links: Links
    """The same of holdout in train's place and of the reference in holdout's, equally many; empty without one."""
    attacked_train: NDArray[np.intp]
    """Positions in train of the records under attack."""
    attacked_holdout: NDArray[np.intp]
    columns: tuple[Place, ...]
    """Where each column of the schema lies in the encoded records."""
    train_records: Records | None = None
    """Where a person has several records: all of them, while everything else sees one record of each person."""
    holdout_records: Records | None = None
    tables: AuditTables | None = None
    """The tables as they came, with all records of each person, for checks of columns, values and people."""
    look_ups: tuple[LookUp, ...] = ()
    """Of identifiers, personal data and text, over all records of all people: distances leave these out."""
    other_look_ups: tuple[LookUp, ...] = ()
    """The same of holdout in train's place, and of the reference, perhaps without any record, in holdout's."""

    def with_synthetic(self, rows: Encoded, keys: Canonical, cells: Cells) -> Evidence:
        """The same people under attack through another synthetic table."""
        aligned = align(self.train.join(self.holdout), rows, _layout(self.columns))
        near = replace(
            self.near,
            train_synthetic=nearest(self.train, rows, NEIGHBOURS).distances,
            holdout_synthetic=nearest(self.holdout, rows, NEIGHBOURS).distances,
            train_aligned=nearest(self.train, aligned, NEIGHBOURS).distances,
            holdout_aligned=nearest(self.holdout, aligned, NEIGHBOURS).distances,
        )
        links = self._linked(cells)
        return replace(self, synthetic=rows, synthetic_keys=keys, synthetic_cells=cells, near=near, links=links)

    def with_added(self, rows: Encoded, keys: Canonical, cells: Cells) -> Evidence:
        """The same people under attack through this synthetic table with some records added.

        Only distances to the added records are computed; the nearest of old and new are merged. In whatever coding the
        table would have released them, the aligned ones are taken to be turned back into what was added.
        """
        train, holdout = (nearest(people, rows, NEIGHBOURS).distances for people in (self.train, self.holdout))
        near = replace(
            self.near,
            train_synthetic=_nearer(self.near.train_synthetic, train),
            holdout_synthetic=_nearer(self.near.holdout_synthetic, holdout),
            train_aligned=_nearer(self.near.train_aligned, train),
            holdout_aligned=_nearer(self.near.holdout_aligned, holdout),
        )
        return replace(
            self,
            synthetic=self.synthetic.join(rows),
            synthetic_keys=self.synthetic_keys.join(keys),
            synthetic_cells=self.synthetic_cells.join(cells),
            near=near,
            links=self.links.join(self._linked(cells)),
        )

    def _linked(self, cells: Cells) -> Links:
        train, holdout = self.train_cells.take(self.attacked_train), self.holdout_cells.take(self.attacked_holdout)
        return link(train, holdout, cells)

    def with_reference(self, rows: Encoded | None) -> Evidence:
        """The same attack with other reference records."""
        near = replace(
            self.near,
            train_reference=None if rows is None else nearest(self.train, rows, NEIGHBOURS).distances,
            holdout_reference=None if rows is None else nearest(self.holdout, rows, NEIGHBOURS).distances,
        )
        return replace(self, reference=rows, near=near)


def _layout(columns: tuple[Place, ...]) -> Layout:
    """Where the columns lie, as `align` wants to know it."""
    numbers = sorted((place for place in columns if place.number is not None), key=lambda place: place.number or 0)
    categories = (p.code for p in columns if p.kind.is_category and p.code is not None)
    return Layout(missing=tuple(place.code for place in numbers), categories=tuple(categories))


def _nearer(old: Numbers, new: Numbers) -> Numbers:
    merged: Numbers = np.sort(np.concatenate([old, new], axis=1), axis=1)[:, :NEIGHBOURS]
    return merged


def _attacked_per_side(tables: AuditTables, synthetic: int) -> int:
    """Records of train and of holdout that are attacked: as many as distances to so many synthetic ones can be kept."""
    side = max(FEWEST_RECORDS, min(MOST_RECORDS, DISTANCES_PER_SIDE // synthetic))
    return min(side, len(tables.train), len(tables.holdout))


def gather(tables: AuditTables, rng: np.random.Generator, *, whole: AuditTables | None = None) -> Evidence:
    """The evidence of an audit. Draws the records under attack, encodes all tables once and measures the distances.

    `whole` are the tables with all records of each person, where `tables` have one of each.
    """
    synthetic = tables.synthetic
    seen = np.arange(len(synthetic))
    if len(synthetic) > MOST_SYNTHETIC:
        seen = rng.permutation(len(synthetic))[:MOST_SYNTHETIC]
        synthetic = synthetic.iloc[seen]
    side = _attacked_per_side(tables, len(synthetic))
    in_train = rng.permutation(len(tables.train))[:side]
    in_holdout = rng.permutation(len(tables.holdout))[:side]
    frames = [tables.train.iloc[in_train], tables.holdout.iloc[in_holdout]]
    others = tables.reference
    if others is not None and len(others) > 0:
        others = others.iloc[rng.permutation(len(others))[:MOST_REFERENCE]]
        frames.append(others)
    encoded = encode([*frames, synthetic], tables.schema, scale_on=2)
    train, holdout, rows = encoded[0], encoded[1], encoded[-1]
    reference = encoded[2] if len(encoded) == 4 else None
    reference_keys = None if others is None or reference is None else canonical(others, tables.schema)
    columns = places([*frames, synthetic], tables.schema)
    there, back = look_ups_both_ways(tables if whole is None else whole)
    published = [tables.synthetic] if others is None or reference is None else [tables.synthetic, others]
    cells = cells_of([tables.train, tables.holdout], published, tables.schema)
    return Evidence(
        train=train,
        holdout=holdout,
        reference=reference,
        synthetic=rows,
        near=_measure(train, holdout, reference, rows, _layout(columns)),
        train_keys=canonical(tables.train, tables.schema),
        holdout_keys=canonical(tables.holdout, tables.schema),
        synthetic_keys=canonical(tables.synthetic, tables.schema),
        reference_keys=reference_keys,
        train_cells=cells[0],
        holdout_cells=cells[1],
        synthetic_cells=cells[2],
        reference_cells=cells[3] if len(cells) == 4 else None,
        links=link(cells[0].take(in_train), cells[1].take(in_holdout), cells[2].take(seen)),
        other_links=_other_links(frames[1], others, synthetic, tables.schema),
        attacked_train=in_train,
        attacked_holdout=in_holdout,
        columns=columns,
        train_records=_all_records(tables, whole, "train"),
        holdout_records=_all_records(tables, whole, "holdout"),
        tables=whole or tables,
        look_ups=there,
        other_look_ups=back,
    )


def _other_links(
    holdout: pd.DataFrame, reference: pd.DataFrame | None, synthetic: pd.DataFrame, schema: TableSchema
) -> Links:
    """The links of holdout and reference, whose cells are coded without train, so that neither has a code more."""
    n = 0 if reference is None else min(len(holdout), len(reference))
    if reference is None or n == 0:
        return Links(train=np.empty(0, dtype=np.float32), holdout=np.empty(0, dtype=np.float32))
    return link(*cells_of([holdout.iloc[:n], reference.iloc[:n]], [synthetic], schema))


def _all_records(tables: AuditTables, whole: AuditTables | None, side: Literal["train", "holdout"]) -> Records | None:
    if whole is None:
        return None
    person = whole.schema.with_role(ColumnRole.PERSON)
    if person is None or (whole.train is tables.train and whole.holdout is tables.holdout):
        return None
    frame = whole.train if side == "train" else whole.holdout
    codes, people = pd.factorize(frame[person], use_na_sentinel=True)
    # Whoever is not named is a person of their own, as in `AuditTables.one_record_per_person`.
    unknown = np.flatnonzero(codes < 0)
    codes[unknown] = len(people) + np.arange(len(unknown))
    return Records(keys=canonical(frame, tables.schema).records, people=codes.astype(np.intp))


def _measure(train: Encoded, holdout: Encoded, reference: Encoded | None, synthetic: Encoded, layout: Layout) -> Near:
    everyone = train.join(holdout)
    # Train and holdout take turns, so that of equally near records no side is found first.
    turns = np.arange(len(everyone)).reshape(2, -1).T.reshape(-1)
    everyone = everyone.take(turns)
    others = nearest(everyone, everyone, NEIGHBOURS, skip_self=True)
    isolation = others.distances.mean(axis=1)
    turned = directions(everyone)
    achilles = nearest(turned, turned, NEIGHBOURS, skip_self=True, cosine=True).distances.mean(axis=1)
    aligned = align(everyone, synthetic, layout)
    return Near(
        train_synthetic=nearest(train, synthetic, NEIGHBOURS).distances,
        holdout_synthetic=nearest(holdout, synthetic, NEIGHBOURS).distances,
        train_reference=None if reference is None else nearest(train, reference, NEIGHBOURS).distances,
        holdout_reference=None if reference is None else nearest(holdout, reference, NEIGHBOURS).distances,
        train_isolation=isolation[::2],
        holdout_isolation=isolation[1::2],
        train_achilles=achilles[::2],
        holdout_achilles=achilles[1::2],
        train_aligned=nearest(train, aligned, NEIGHBOURS).distances,
        holdout_aligned=nearest(holdout, aligned, NEIGHBOURS).distances,
        crossing=_crossing(others.distances[:, 0], others.index[:, 0]),
    )


def _crossing(distances: Numbers, mate: NDArray[np.intp]) -> NDArray[np.bool_]:
    """For each pair that are each other's nearest, the nearest first, whether train (even) meets holdout (odd)."""
    at = np.arange(len(mate))
    first = at[(mate[mate] == at) & (at < mate)]
    first = first[np.argsort(distances[first], kind="stable")]
    crossing: NDArray[np.bool_] = first % 2 != mate[first] % 2
    return crossing
