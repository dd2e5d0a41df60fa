"""Fresh codes of the same shape as real ones, such as AB-123-C, none of which is in the data.

A code of a shape is a number written in mixed base: one digit for each place. Fresh codes are those whose number leaves
a remainder, after an affine map, that none of the real codes leaves; or, where the real codes are too many for that,
those in a range of numbers in which no real code lies. So no real code needs to be kept, not even as a hash, to keep
fresh ones apart from it, and the map tells of a code only that it belongs to the small fresh share.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from synth.encode.base import list_of
from synth.errors import ArtifactError

DIGITS, UPPER, LOWER = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
HEX = ("0123456789abcdef", "0123456789ABCDEF")
FEW_SIGNS = 4
"""A place in which so few different characters stand keeps these, where each is frequent."""
MOST_SHAPES = 12
SHAPE_SHARE = 0.005
"""Shapes of fewer of the codes are left out."""
ROOM = 4
"""There are at least so many times as many fresh codes as real ones, or the shape is widened."""
LONGEST = 64
WHOLE = ("factor", "shift", "modulus", "residue", "start", "span")
COARSE = 64
"""The ends of a range without real codes are moved inwards by up to this part of it, so that they tell of none."""
LARGEST_FIRST = "12345678"
"""What an integer of 19 digits may begin with, to fit in 64 bits."""
TRIES = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Codes with one set of characters for each place."""

    alphabets: tuple[str, ...]
    share: float
    """How many of the codes have this shape."""
    factor: int
    shift: int
    modulus: int
    residue: int
    start: int
    """The first number of a code that may be fresh."""
    span: int
    """How many numbers follow from there that may be."""

    @property
    def size(self) -> int:
        """How many codes have this shape."""
        return math.prod(map(len, self.alphabets))

    @property
    def room(self) -> int:
        """How many of them are fresh."""
        return (self.span - self.residue + self.modulus - 1) // self.modulus

    def fresh(self, number: int) -> str:
        """The fresh code of this number, from 0 to `room` - 1; different numbers give different codes."""
        inverse = pow(self.factor, -1, self.span)
        code = self.start + (self.residue + self.modulus * number - self.shift) * inverse % self.span
        places = []
        for alphabet in reversed(self.alphabets):
            code, place = divmod(code, len(alphabet))
            places.append(alphabet[place])
        return "".join(reversed(places))

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values; whole numbers as text, for they may have any number of digits."""
        whole = {name: str(getattr(self, name)) for name in WHOLE}
        return {"alphabets": list(self.alphabets), "share": self.share, **whole}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Shape:
        """The shape that `to_json` wrote. Raises ArtifactError on anything else."""
        alphabets, share = values.get("alphabets"), values.get("share")
        whole = [values.get(name) for name in WHOLE]
        if (
            not isinstance(alphabets, list)
            or not 0 < len(alphabets) <= LONGEST
            or not all(isinstance(a, str) and a and len(set(a)) == len(a) for a in alphabets)
            or not isinstance(share, (int, float))
            or not all(isinstance(n, str) and n.isascii() and n.isdigit() and len(n) <= 200 for n in whole)
        ):
            raise ArtifactError("shape: expected sets of characters and whole numbers")
        numbers = {name: int(str(n)) for name, n in zip(WHOLE, whole, strict=True)}
        shape = Shape(alphabets=tuple(alphabets), share=share, **numbers)
        inside = shape.span > 0 and shape.start + shape.span <= shape.size
        if not inside or not shape.residue < shape.modulus <= shape.span or math.gcd(shape.factor, shape.span) != 1:
            raise ArtifactError("shape: expected a remainder below the modulus and an invertible factor")
        return shape


def shapes_from_json(values: Mapping[str, Any]) -> tuple[Shape, ...]:
    """The shapes called `shapes`. Raises ArtifactError where one is none."""
    return tuple(Shape.from_json(each) for each in list_of(values, "shapes"))


def number_of(text: str, alphabets: Sequence[str]) -> int | None:
    """Which number the code is among those of the shape; None where it is none of them."""
    if len(text) != len(alphabets):
        return None
    number = 0
    for character, alphabet in zip(text, alphabets, strict=True):
        place = alphabet.find(character)
        if place < 0:
            return None
        number = number * len(alphabet) + place
    return number


def mask_of(text: str) -> str:
    """The shape of a text: 9 for digits, A and a for letters, all else as it is."""
    return "".join("9" if c in DIGITS else "A" if c in UPPER else "a" if c in LOWER else c for c in text)


def fit_shapes(
    texts: Sequence[str],
    rng: np.random.Generator,
    *,
    least: int,
    whole: bool = False,
    taken: Sequence[str] = (),
    fixed: Callable[[str], Sequence[int]] = lambda _: (),
) -> tuple[Shape, ...]:
    """The shapes of at least `least` of these distinct codes, the most frequent first; empty where there is none.

    None of `texts` and of `taken` is fresh. `whole` says that codes are whole numbers of at most 64 bits. `fixed` tells
    the places of a code that keep the characters which stand there: those of check digits, which are put in later.
    """
    barred = [*texts, *taken]
    masks = [_family(text) for text in texts]
    enough = max(least, SHAPE_SHARE * len(texts))
    kept = [m for m, n in Counter(masks).most_common(MOST_SHAPES) if n >= enough and 0 < len(m) <= LONGEST]
    shapes = []
    for mask in kept:
        members = [text for text, own in zip(texts, masks, strict=True) if own == mask]
        shape = _fit(members, barred, rng, least, whole=whole, fixed=fixed(members[0]))
        if shape is not None:
            shapes.append((shape, len(members)))
    total = sum(n for _, n in shapes)
    return tuple(replace(shape, share=n / total) for shape, n in shapes)


def _family(text: str) -> str:
    """The mask; long codes in which digits and the letters a to f are mixed are of one family."""
    for sign, signs in zip("xX", HEX, strict=True):
        letters, digits = sum(c in signs[10:] for c in text), sum(c in DIGITS for c in text)
        if len(text) >= 8 and letters >= 2 and digits >= 2 and set(text) <= set(signs + "-"):
            return "".join("-" if c == "-" else sign for c in text)
    return mask_of(text)


def _fit(
    members: Sequence[str],
    barred: Sequence[str],
    rng: np.random.Generator,
    least: int,
    *,
    whole: bool,
    fixed: Sequence[int],
) -> Shape | None:
    """The narrowest shape with room for many fresh codes, else the one with the most room; None where none has any."""
    best = None
    for level in range(4):
        places = [Counter(text[i] for text in members) for i in range(len(members[0]))]
        alphabets = [_alphabet(signs, level, least) for signs in places]
        for place in fixed:
            alphabets[place] = "".join(sorted(places[place]))
        if "0" not in places[0] and set(alphabets[0]) > set("0"):
            alphabets[0] = alphabets[0].replace("0", "")
        if whole and len(alphabets) == len(str(2**63)):
            alphabets[0] = LARGEST_FIRST
        shape = shape_of(tuple(alphabets), barred, rng)
        if shape is not None and (best is None or shape.room > best.room):
            best = shape
        if best is not None and best.room >= ROOM * len(members):
            return best
    return best


def shape_of(alphabets: tuple[str, ...], barred: Sequence[str], rng: np.random.Generator) -> Shape | None:
    """The shape of these characters for each place, in which none of the `barred` codes is fresh."""
    taken = list({n for text in barred if (n := number_of(text, alphabets)) is not None})
    sparse = math.prod(map(len, alphabets)) >= ROOM * len(taken) ** 2 / max(1.0, math.log(len(taken) + 1))
    return _keyed(alphabets, taken, rng) if sparse else _gap(alphabets, taken, rng)


def _alphabet(counts: Counter[str], level: int, least: int) -> str:
    """The characters for one place, from few to many.

    Level 0 keeps those that stand there, where they are few and each is frequent; 1 keeps a single one; 2 keeps it
    where it is no digit; 3 keeps signs alone. Else it is all of a class: digits, letters, or both.
    """
    present = set(counts)
    few = (FEW_SIGNS, 1, 0 if present <= set(DIGITS) else 1, 0)[level]
    signs = not present <= set(DIGITS + UPPER + LOWER)
    if signs or (len(present) <= few and all(n >= least for n in counts.values())):
        return "".join(sorted(present))
    for letters in HEX:
        if present <= set(letters) and present & set(DIGITS) and present & set(letters[10:]):
            return letters
    return "".join(letters for letters in (DIGITS, UPPER, LOWER) if present & set(letters))


def _keyed(alphabets: tuple[str, ...], taken: Sequence[int], rng: np.random.Generator) -> Shape | None:
    """A map for which the real codes leave one remainder out, with as small a modulus as is soon found."""
    size = math.prod(map(len, alphabets))
    modulus = max(1, int(len(taken) / max(1.0, math.log(len(taken) + 1)))) if taken else 1
    while modulus <= size:
        for _ in range(TRIES):
            factor, shift = _factor(size, rng), _below(size, rng)
            used = {(factor * n + shift) % size % modulus for n in taken}
            if len(used) < modulus:
                residue = next(r for r in range(modulus) if r not in used)
                return Shape(
                    alphabets=alphabets,
                    share=1.0,
                    factor=factor,
                    shift=shift,
                    modulus=modulus,
                    residue=residue,
                    start=0,
                    span=size,
                )
        modulus = max(modulus + 1, int(modulus * 1.5))
    return None


def _gap(alphabets: tuple[str, ...], taken: Sequence[int], rng: np.random.Generator) -> Shape | None:
    """The widest range of numbers in which no real code lies, in mixed order."""
    size = math.prod(map(len, alphabets))
    edges = [-1, *sorted(set(taken)), size]
    start, end = max(((a + 1, b) for a, b in pairwise(edges)), key=lambda gap: gap[1] - gap[0])
    unit = max(1, (end - start) // COARSE)
    start, end = -(-start // unit) * unit, end if end == size else end // unit * unit
    if end <= start:
        return None
    span = end - start
    return Shape(
        alphabets=alphabets,
        share=1.0,
        factor=_factor(span, rng),
        shift=_below(span, rng),
        modulus=1,
        residue=0,
        start=start,
        span=span,
    )


def _factor(size: int, rng: np.random.Generator) -> int:
    """A whole number below size that has no divisor in common with it."""
    while True:
        factor = _below(size, rng)
        if math.gcd(factor, size) == 1:
            return factor


def _below(size: int, rng: np.random.Generator) -> int:
    """A whole number from 1 to size - 1, of any length; 1 where there is no other."""
    return 1 if size <= 2 else 1 + int.from_bytes(rng.bytes((size.bit_length() + 71) // 8), "big") % (size - 1)
