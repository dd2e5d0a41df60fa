"""Look-ups that forgive one or two cells of a record, or a value that was moved a little, or all of them alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from privacy.cells import Cells, Floats, gaps
from privacy.linkage import information

Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

NOT_FOUND = -1.0
MOST_KEYS = 30_000_000
"""Pairs of columns are left out only where that takes no more keys than this."""
FEWEST_LEFT = 2
"""Columns that must be left: agreement on one is a matter of single values."""

CHANCE = 0.02
"""A value counts as near so closely that chance finds about this share of the people's values."""
WIDEST = 0.25
BINS = 2**18
MOST_ALIGNED = 20_000
MOSTLY = 0.9
"""Values are compared on a logarithmic scale, without their sign, where this share of them is not 0."""
FINE = 0.1
"""The shift is read to this share of a bin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearby:
    """How many people's values, each held by that person alone, have a synthetic value near to them."""

    train: int
    train_found: int
    holdout: int
    holdout_found: int


def left_out_scores(train: Cells, holdout: Cells, published: Cells) -> tuple[Floats, Floats]:
    """For each person of train and of holdout how much of their record stands in the published table, in bits.

    A person is found if a published record agrees with them in all columns, in all but one or, in tables small enough
    for it (MOST_KEYS), in all but two, and if nobody else in train and holdout agrees with them in these columns. The
    score is the sum over these columns of -log2 of the share of the people with that value, the largest where several
    apply; NOT_FOUND where none does. Chance finds a person of b bits in a given record with a probability of about
    2^-b, so a high score is rare without a leak.
    """
    people = train.join(holdout)
    scores = np.full(len(people), NOT_FOUND)
    names = tuple(people.columns)
    bits = {name: information(people.columns[name]).astype(np.float64) for name in names}
    ours, theirs = _hashes(people), _hashes(published)
    with np.errstate(over="ignore"):
        whole, published_whole = _sum(ours, len(people)), _sum(theirs, len(published))
        total = np.sum(list(bits.values()), axis=0) if names else np.zeros(len(people))
        for left_out in _left_out(names, len(people) + len(published)):
            keys, published_keys, worth = whole.copy(), published_whole.copy(), total.copy()
            for name in left_out:
                keys -= ours[name]
                published_keys -= theirs[name]
                worth -= bits[name]
            found = _found_alone(keys, published_keys)
            scores[found] = np.maximum(scores[found], worth[found])
    return scores[: len(train)], scores[len(train) :]


def _left_out(names: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    pairs = len(names) * (len(names) - 1) // 2
    most = 2 if pairs * size <= MOST_KEYS else 1
    for count in range(min(most, max(0, len(names) - FEWEST_LEFT)) + 1):
        yield from combinations(names, count)


def _hashes(cells: Cells) -> dict[str, Keys]:
    """A random-looking 64-bit number per cell; the key of any set of columns is the sum of theirs."""
    return {
        name: pd.util.hash_array(codes.astype(np.uint64) + np.uint64(place << 33))
        for place, (name, codes) in enumerate(cells.columns.items())
    }


def _sum(hashes: dict[str, Keys], size: int) -> Keys:
    total = np.zeros(size, dtype=np.uint64)
    for column in hashes.values():
        total += column
    return total


def _found_alone(keys: Keys, published: Keys) -> NDArray[np.intp]:
    """The positions of the keys that occur once, and are published."""
    values, places, counts = np.unique(keys, return_index=True, return_counts=True)
    different = values[counts == 1]
    first: NDArray[np.intp] = places[counts == 1]
    if len(different) == 0:
        return first
    # Published keys are sought among the people's, which are far fewer in large tables: nothing large is sorted.
    place = np.minimum(np.searchsorted(different, published), len(different) - 1)
    found: NDArray[np.intp] = first[np.unique(place[different[place] == published])]
    return found


def near_values(train: Floats, holdout: Floats, published: Floats) -> dict[str, Nearby]:
    """Per way of moving values, how many values that one person alone has have a published value near to them.

    `near`: as they are. `moved by a constant` and `times a constant`: after removing the shift, of the values or of
    the logarithms of their magnitudes, by which most people's values meet a published one. The shift is chosen on
    train and holdout together, so it favours neither. How near is near is fixed by the numbers of people and published
    values, and by the gaps between the people's values: see CHANCE.
    """
    found = {"near": _near(train, holdout, published, 0.0)}
    moved = _shift(train, holdout, published)
    if moved is not None:
        found["moved by a constant"] = _near(train, holdout, published, moved)
    if all(_has_logarithms(column) for column in (train, holdout, published)):
        logs = _log(train), _log(holdout), _log(published)
        moved = _shift(*logs)
        if moved is not None:
            found["times a constant"] = _near(*logs, moved)
    return found


def _has_logarithms(values: Floats) -> bool:
    known = int((~np.isnan(values)).sum())
    return known > 0 and int((np.abs(values) > 0).sum()) > MOSTLY * known


def _log(values: Floats) -> Floats:
    out = np.full(len(values), np.nan)
    np.log(np.abs(values), out=out, where=np.abs(values) > 0)
    return out


def _finite(values: Floats) -> Floats:
    return np.unique(values[np.isfinite(values)])


def _near(train: Floats, holdout: Floats, published: Floats, shift: float) -> Nearby:
    values, counts = np.unique(np.concatenate([train, holdout]), return_counts=True)
    counts = counts[np.isfinite(values)]
    values = values[np.isfinite(values)]
    targets = _finite(published) - shift
    tolerance = min(WIDEST, CHANCE * len(values) / max(1, len(targets)))
    reach = tolerance * gaps(values)
    hit = np.searchsorted(targets, values - reach, side="left") < np.searchsorted(targets, values + reach, side="right")
    alone = counts == 1
    in_train = np.isin(values, train)
    return Nearby(
        train=int((alone & in_train).sum()),
        train_found=int((alone & in_train & hit).sum()),
        holdout=int((alone & ~in_train).sum()),
        holdout_found=int((alone & ~in_train & hit).sum()),
    )


def _shift(train: Floats, holdout: Floats, published: Floats) -> float | None:
    """By how much most people's values differ from a published one, or None where that cannot be told.

    The peak of the cross-correlation of the two sets of values on a grid, above its own running mean; then, among the
    differences in that bin, the middle of where they lie densest.
    """
    values, targets = _finite(np.concatenate([train, holdout])), _finite(published)
    if len(values) < 2 or len(targets) < 2:
        return None
    values, targets = values[:: -(-len(values) // MOST_ALIGNED)], targets[:: -(-len(targets) // MOST_ALIGNED)]
    low, high = np.quantile(values, [0.02, 0.98])
    bin_width = 4 * (high - low) / BINS
    if not bin_width > 0:
        return None
    middle = (low + high) / 2

    def grid(numbers: Floats) -> Floats:
        place = np.floor((numbers - middle) / bin_width) + BINS // 4
        inside = place[(place >= 0) & (place < BINS // 2)].astype(np.int64)
        return np.bincount(inside, minlength=BINS).astype(np.float64)

    matches = np.fft.irfft(np.fft.rfft(grid(targets)) * np.conj(np.fft.rfft(grid(values))), BINS)
    peak = int(np.argmax(matches - uniform_filter1d(matches, 101, mode="wrap")))
    rough = (peak if peak < BINS // 2 else peak - BINS) * bin_width
    return _densest(values, targets, rough, bin_width)


def _densest(values: Floats, targets: Floats, rough: float, bin_width: float) -> float:
    start = np.searchsorted(targets, values + rough - bin_width, side="left")
    stop = np.searchsorted(targets, values + rough + bin_width, side="right")
    counts = stop - start
    ends = np.cumsum(counts)
    if ends[-1] == 0:
        return rough
    within = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
    differences = np.sort(targets[np.repeat(start, counts) + within] - np.repeat(values, counts))
    width = FINE * bin_width
    inside = np.searchsorted(differences, differences + width, side="right") - np.arange(len(differences))
    best = int(np.argmax(inside))
    return float(np.median(differences[best : best + inside[best]]))
