"""Free text reduced to 64-bit keys of its phrases, so that a shared sentence is a matter of set membership."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.normal_forms import in_order

Keys = NDArray[np.uint64]

WORDS = 6
"""A phrase is so many words in a row."""
BATCH = 4000
"""Texts that are split into words at a time."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def phrases_about(texts: Sequence[str]) -> int:
    """About how many phrases the texts have, from their blanks and their letters of scripts without blanks."""
    return sum(text.count(" ") if text.isascii() else text.count(" ") + len(text) // 2 for text in texts)


def phrase_keys(texts: Sequence[str], *, every: int = 1) -> tuple[Keys, NDArray[np.intp]]:
    """A key for each phrase of WORDS words, and the position of its text; both one-dimensional and equally long.

    Words are compared without case, accents and punctuation. With `every` above 1 only phrases whose key is divisible
    by it are kept: the same phrases in every table, one in `every` on average (the modulo sketch of Broder 1997). Equal
    keys mean equal phrases, but for a collision in 2^64. Memory beside the result: the words of BATCH texts.
    """
    found = [_batch(texts[start : start + BATCH], start, np.uint64(every)) for start in range(0, len(texts), BATCH)]
    if not found:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.intp)
    return np.concatenate([keys for keys, _ in found]), np.concatenate([owners for _, owners in found])


def _batch(texts: Sequence[str], start: int, every: np.uint64) -> tuple[Keys, NDArray[np.intp]]:
    split = [in_order(text) for text in texts]
    lengths = np.array([len(words) for words in split], dtype=np.intp)
    flat = np.array([word for words in split for word in words], dtype=object)
    if len(flat) < WORDS:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.intp)
    codes, distinct = pd.factorize(flat)
    words = pd.util.hash_array(distinct)[codes]
    owners = np.repeat(np.arange(len(texts)), lengths)
    count = len(words) - WORDS + 1
    inside = owners[:count] == owners[WORDS - 1 :]
    keys = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place in range(WORDS):
            keys = keys * _FACTOR + words[place : place + count]
            keys ^= keys >> np.uint64(29)
    inside &= keys % every == 0
    return keys[inside], owners[:count][inside] + start
