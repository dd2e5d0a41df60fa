"""The leaks that are planted into a table under audit: their kinds and sizes.

A statistic is trusted where it sees a leak of just the size that its limit speaks of. An AUC of .55 is what a copy of
every tenth record gives; a true-positive rate of 3 % at 1 % false positives is that of every fiftieth. See
`size_at_limit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

PERSONAL_SHARE, PERSONAL_VALUES, PERSONAL_SHARE_BESIDE_CHANCE = 0.01, 20, 0.2


class Plant(StrEnum):
    """What was planted."""

    COPIED_02 = "copied_0.2_percent"
    COPIED_05 = "copied_0.5_percent"
    COPIED_1 = "copied_1_percent"
    COPIED_2 = "copied_2_percent"
    COPIED_5 = "copied_5_percent"
    COPIED_10 = "copied_10_percent"
    COPIED_20 = "copied_20_percent"
    COPIED_30 = "copied_30_percent"
    COPIED_50 = "copied_50_percent"
    """This share of the training records under attack, added to the synthetic table."""
    COPY = "copy"
    """All of them. Laid by attacks that bring their own plant: see `brought_along`."""
    JITTERED_COPY = "jittered_copy_5_percent"
    """All of them in place of the synthetic table, every number moved by 5 % of its column's spread and 5 % of the
    categories redrawn."""
    OUTLIERS = "memorised_outliers"
    """The 50 most isolated training records, or the top 1 % if that is fewer, added to the synthetic table."""
    COLUMN_1 = "copied_column_1_percent"
    COLUMN_2 = "copied_column_2_percent"
    COLUMN_5 = "copied_column_5_percent"
    """The values of this share of the training records in one column, put into the synthetic table: values that nobody
    else has, of the column with most of them."""
    PERSONAL = "personal_data"
    """One per cent of the e-mails, identifiers, names, phrases, ... that train has alone, at least PERSONAL_VALUES of
    each, put into the synthetic table; a fifth where other people's, too, are found in it by chance."""
    FRESH = "fresh_rows"
    """No leak: records of people the generator never saw. Whatever is caught here is a false alarm."""


COPIED: Mapping[Plant, float] = {
    Plant.COPIED_02: 0.002,
    Plant.COPIED_05: 0.005,
    Plant.COPIED_1: 0.01,
    Plant.COPIED_2: 0.02,
    Plant.COPIED_5: 0.05,
    Plant.COPIED_10: 0.1,
    Plant.COPIED_20: 0.2,
    Plant.COPIED_30: 0.3,
    Plant.COPIED_50: 0.5,
    Plant.COPY: 1.0,
}
"""The plants that are a share of the training records, from small to large."""
COLUMNS: Mapping[Plant, float] = {Plant.COLUMN_1: 0.01, Plant.COLUMN_2: 0.02, Plant.COLUMN_5: 0.05}
"""The plants that are a share of one column's training values."""
BESIDE_CHANCE = "personal.shared_by_chance"
"""The statistic of look-ups in which other people's personal data, too, is found by chance."""
PERSONAL: Mapping[Plant, float] = {Plant.PERSONAL: PERSONAL_SHARE}
PERSONAL_BESIDE_CHANCE: Mapping[Plant, float] = {Plant.PERSONAL: PERSONAL_SHARE_BESIDE_CHANCE}
COUNT_SYNTHETIC = ("replay.copied_share", "singling_out.*")
"""The statistics that are a share of the synthetic records, and not of the people of train."""
VALUES = "replay.excess_values"
"""The statistic whose plants are values of one column and not records."""
LAID = tuple(plant for plant in Plant if plant is not Plant.COPY)


def size_at_limit(key: str, baseline: float, limit: float) -> float:
    """The share of the training records (or values) whose copies raise the statistic `key` to its limit.

    A copy of a share f, told from all others, gives an AUC of (1 + f) / 2 and a true-positive rate of f + (1 - f) r at
    a false-positive rate r. Excesses and residual risks are such shares themselves.
    """
    room = limit - baseline
    return 2 * room if key.endswith("auc") else room / (1 - baseline)


def plants_of(key: str) -> Mapping[Plant, float]:
    """The plants that come in sizes for the statistic `key`, from small to large."""
    if key.startswith("personal."):
        return PERSONAL_BESIDE_CHANCE if key == BESIDE_CHANCE else PERSONAL
    return COLUMNS if key == VALUES else COPIED
