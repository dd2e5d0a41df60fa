"""What all attacks look at: the tables encoded once, the records under attack, and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.canonical import Canonical, Keys, canonical
from privacy.columns import Place, places
from privacy.distance import Encoded, Numbers, directions, encode, nearest
from privacy.lookups import LookUp
from privacy.searches import look_ups
from privacy.threat import AuditTables
from synth.schema import ColumnRole

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
    attacked_train: NDArray[np.intp]
    """Positions in train of the records under attack."""
    attacked_holdout: NDArray[np.intp]
    columns: tuple[Place, ...]
    """Where each column of the schema lies in the encoded records."""
    train_records: Records | None = None
    """Where a person has several records: all of them, while everything else sees one record of each person."""
    holdout_records: Records | None = None
    look_ups: tuple[LookUp, ...] = ()
    """Of identifiers, personal data and text, over all records of all people: distances leave these out."""

    def with_synthetic(self, rows: Encoded, keys: Canonical) -> Evidence:
        """The same people under attack through another synthetic table."""
        near = replace(
            self.near,
            train_synthetic=nearest(self.train, rows, NEIGHBOURS).distances,
            holdout_synthetic=nearest(self.holdout, rows, NEIGHBOURS).distances,
        )
        return replace(self, synthetic=rows, synthetic_keys=keys, near=near)

    def with_added(self, rows: Encoded, keys: Canonical) -> Evidence:
        """The same people under attack through this synthetic table with some records added.

        Only distances to the added records are computed; the nearest of old and new are merged.
        """
        near = replace(
            self.near,
            train_synthetic=_nearer(self.near.train_synthetic, nearest(self.train, rows, NEIGHBOURS).distances),
            holdout_synthetic=_nearer(self.near.holdout_synthetic, nearest(self.holdout, rows, NEIGHBOURS).distances),
        )
        return replace(
            self, synthetic=self.synthetic.join(rows), synthetic_keys=self.synthetic_keys.join(keys), near=near
        )

    def with_reference(self, rows: Encoded | None) -> Evidence:
        """The same attack with other reference records."""
        near = replace(
            self.near,
            train_reference=None if rows is None else nearest(self.train, rows, NEIGHBOURS).distances,
            holdout_reference=None if rows is None else nearest(self.holdout, rows, NEIGHBOURS).distances,
        )
        return replace(self, reference=rows, near=near)


def _nearer(old: Numbers, new: Numbers) -> Numbers:
    merged: Numbers = np.sort(np.concatenate([old, new], axis=1), axis=1)[:, :NEIGHBOURS]
    return merged


def gather(tables: AuditTables, rng: np.random.Generator, *, whole: AuditTables | None = None) -> Evidence:
    """The evidence of an audit. Draws the records under attack, encodes all tables once and measures the distances.

    `whole` are the tables with all records of each person, where `tables` have one of each.
    """
    synthetic = tables.synthetic
    if len(synthetic) > MOST_SYNTHETIC:
        synthetic = synthetic.iloc[rng.permutation(len(synthetic))[:MOST_SYNTHETIC]]
    side = max(FEWEST_RECORDS, min(MOST_RECORDS, DISTANCES_PER_SIDE // len(synthetic)))
    side = min(side, len(tables.train), len(tables.holdout))
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
    return Evidence(
        train=train,
        holdout=holdout,
        reference=reference,
        synthetic=rows,
        near=_measure(train, holdout, reference, rows),
        train_keys=canonical(tables.train, tables.schema),
        holdout_keys=canonical(tables.holdout, tables.schema),
        synthetic_keys=canonical(tables.synthetic, tables.schema),
        reference_keys=reference_keys,
        attacked_train=in_train,
        attacked_holdout=in_holdout,
        columns=places([*frames, synthetic], tables.schema),
        train_records=_all_records(tables, whole, "train"),
        holdout_records=_all_records(tables, whole, "holdout"),
        look_ups=look_ups(tables if whole is None else whole),
    )


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


def _measure(train: Encoded, holdout: Encoded, reference: Encoded | None, synthetic: Encoded) -> Near:
    train_synthetic = nearest(train, synthetic, NEIGHBOURS).distances
    holdout_synthetic = nearest(holdout, synthetic, NEIGHBOURS).distances
    everyone = train.join(holdout)
    isolation = nearest(everyone, everyone, NEIGHBOURS, skip_self=True).distances.mean(axis=1)
    turned = directions(everyone)
    achilles = nearest(turned, turned, NEIGHBOURS, skip_self=True, cosine=True).distances.mean(axis=1)
    return Near(
        train_synthetic=train_synthetic,
        holdout_synthetic=holdout_synthetic,
        train_reference=None if reference is None else nearest(train, reference, NEIGHBOURS).distances,
        holdout_reference=None if reference is None else nearest(holdout, reference, NEIGHBOURS).distances,
        train_isolation=isolation[: len(train)],
        holdout_isolation=isolation[len(train) :],
        train_achilles=achilles[: len(train)],
        holdout_achilles=achilles[len(train) :],
    )
