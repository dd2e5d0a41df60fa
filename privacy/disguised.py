"""Values that a synthetic table holds in disguise: as hex digests, in base64, backwards, or moved by one number."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from privacy.normal_forms import addresses

Numbers = NDArray[np.int64]

DIGESTS = ("md5", "sha1", "sha256")
_HEX = re.compile(r"(?:0x)?([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})")
_BEGINNING = re.compile(r"(?:0x)?(?=..[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])([0-9a-f]{10,63})")
"""Of a digest: so many characters are no other value's by chance, and with a letter behind the first two characters,
and a digit, they are no number and no account."""
SHORTEST_TURNED = 8
"""A shorter code backwards, or as a hex number, is another code by chance."""
_BASE64 = re.compile(r"[a-z0-9+/]{9,}[a-z0-9+/=]{2}")
LONGEST = 100
"""Longer text is no identifier."""
PAIRS = 8_000_000
"""So many differences are counted at most; of larger tables a sample of the values is compared."""
CANDIDATES = 8
FEWEST_MOVED = 10
"""So many values have to differ by the same number."""
ALONE = 2.0
"""And so many times as many as by any other number: between unrelated numbers no difference stands out."""
MOST_DIGITS = 18
MOSTLY = 0.9


def digests_in(texts: Iterable[str]) -> frozenset[str]:
    """The hexadecimal digests of MD5, SHA-1 and SHA-256 among the texts, and what may be the beginning of one."""
    found = (_HEX.fullmatch(text) or _BEGINNING.fullmatch(text) for text in texts)
    return frozenset(match[1] for match in found if match)


def identifying(text: str) -> list[str]:
    """What of a cell may have been hashed: the whole of it, and the e-mail addresses in it."""
    return [] if len(text) > LONGEST else list(dict.fromkeys([text, *addresses(text)]))


def with_digest_among(values: Iterable[str], digests: frozenset[str]) -> list[str]:
    """The values of which a digest, or its beginning, is there, in small letters or in capitals.

    Values in both are not found: case is not kept.
    """
    lengths = {len(digest) for digest in digests}
    return [v for v in values if any(d[:length] in digests for d in _digests_of(v) for length in lengths)]


def encoded(value: str) -> Iterable[str]:
    """The value in base64, with and without its padding, in small letters."""
    for written in dict.fromkeys((value, value.upper())):
        text = base64.b64encode(written.encode()).decode().lower()
        yield text
        yield text.rstrip("=")


def that_may_be_encoded(values: Iterable[str], among: Iterable[str]) -> list[str]:
    """The values whose base64 is as long as one of the texts that may be base64 (11 characters or more)."""
    lengths = {len(text) for text in among if _BASE64.fullmatch(text)}
    return [value for value in values if lengths & {-(-len(value) // 3) * 4, -(-len(value) * 4 // 3)}]


def turned(value: str) -> Iterable[str]:
    """A code backwards and, where it is a number, as a hex number in small letters; nothing of a shorter or a word."""
    if len(value) >= SHORTEST_TURNED and any(map(str.isdigit, value)):
        yield value[::-1]
        if value.isascii() and value.isdigit():
            yield f"{int(value):x}"


def _digests_of(value: str) -> Iterable[str]:
    for written in dict.fromkeys((value, value.upper())):
        for name in DIGESTS:
            yield hashlib.new(name, written.encode(), usedforsecurity=False).hexdigest()


def whole_numbers(texts: Sequence[str]) -> tuple[Numbers, NDArray[np.intp]]:
    """(the numbers among the texts, their positions); none where not nearly all of them are whole numbers."""
    numbers = {
        i: int(text) for i, text in enumerate(texts) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    }
    if len(numbers) < MOSTLY * len(texts):
        numbers = {}
    return np.array(list(numbers.values()), dtype=np.int64), np.array(list(numbers), dtype=np.intp)


def shift_between(real: Numbers, synthetic: Numbers) -> int | None:
    """The number other than 0 by which FEWEST_MOVED real ones or more differ from synthetic ones; None where none is.

    `real` are those of train and holdout together: without a leak a chosen number favours neither side.
    """
    real, synthetic = np.unique(real), np.unique(synthetic)
    if not len(real) or not len(synthetic):
        return None
    some = _spread(real, max(1, PAIRS // len(synthetic)))
    others = _spread(synthetic, PAIRS)
    differences, counts = np.unique(others[None, :] - some[:, None], return_counts=True)
    likely = differences[np.argsort(-counts, kind="stable")]
    likely = likely[likely != 0][:CANDIDATES]
    found = sorted(((int(moved(real, synthetic, int(by)).sum()), int(by)) for by in likely), reverse=True)
    if not found or found[0][0] < FEWEST_MOVED:
        return None
    return found[0][1] if len(found) == 1 or found[0][0] >= ALONE * found[1][0] else None


def _spread(numbers: Numbers, most: int) -> Numbers:
    """At most so many of the numbers, drawn by what they are and not by whose they are."""
    if len(numbers) <= most:
        return numbers
    return np.random.default_rng(0).choice(numbers, most, replace=False)


def moved(real: Numbers, synthetic: Numbers, by: int) -> NDArray[np.bool_]:
    """(real,) of which the synthetic ones hold what they become."""
    held: NDArray[np.bool_] = np.isin(real + by, synthetic)
    return held
