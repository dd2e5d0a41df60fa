"""Figures about real people made coarse: two significant digits, and no cell of a table that fewer than 20 people fill.

Suppression is complementary: what is hidden of a column is always at least 20 people together, so that nobody can
compute a hidden cell from the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Json = Mapping[str, Any]
FEWEST = 20
"""A count of fewer real people is not passed on."""
DIGITS = 2
OTHER, OTHER_OR_MISSING, BEYOND = "(other)", "(other or missing)", "(missing, or beyond the ends)"
MISSING, BELOW, ABOVE = "(missing)", "(below)", "(above)"
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w]|\.\d)")


def rounded(value: float, digits: int = DIGITS) -> float:
    """The value to so many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def down(value: float, digits: int = DIGITS) -> float:
    """The largest number of so many significant digits that is not above the value."""
    if value == 0:
        return 0.0
    near = rounded(value, digits)
    return near if near <= value else rounded(near - _step(value, digits), digits)


def up(value: float, digits: int = DIGITS) -> float:
    """The smallest number of so many significant digits that is not below the value."""
    return -down(-value, digits)


def in_steps(value: float, step: float) -> float:
    """The largest multiple of a step that is not above the value. Without a step the value itself."""
    return value if step <= 0 else math.floor(value / step + 1e-9) * step


def _step(value: float, digits: int) -> float:
    return 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)


def interval(
    value: float, lower: float | None, upper: float | None, bounds: Sequence[float | None]
) -> list[float | None]:
    """Value and interval, the ends outwards, to two digits, or more where else an end would change sides of a bound."""
    known = [bound for bound in bounds if bound is not None]
    for digits in range(DIGITS, 17):
        low = None if lower is None else down(lower, digits)
        high = None if upper is None else up(upper, digits)
        if _sides(low, known) == _sides(lower, known) and _sides(high, known) == _sides(upper, known):
            return [rounded(value, digits), low, high]
    return [value, lower, upper]


def _sides(end: float | None, bounds: Sequence[float]) -> list[bool]:
    """Of each bound whether the end is beyond it: what a limit asks."""
    return [] if end is None else [end > bound for bound in bounds]


def said(text: str) -> str:
    """Words of ours, with each number in them to two significant digits."""
    return _NUMBER.sub(lambda found: _coarse(found.group()), text)


def _coarse(number: str) -> str:
    value = float(number.replace(",", ""))
    near = rounded(value)
    return number if near == value else f"{near:,.10g}"


def categories(marginal: Json, people: int) -> dict[str, Any] | None:
    """Shares by category, of which each is at least 20 people; None where nothing could be shown."""
    cells = list(zip(marginal["labels"], marginal["real"], marginal["synthetic"], strict=True))
    cells += [(each["label"], each["real"], each["synthetic"]) for each in marginal["rest"]]
    shown = [cell for cell in cells if cell[0] != OTHER and _is_enough(cell[1], people)]
    pool = [cell for cell in cells if cell not in shown]
    while pool and shown and not _is_enough(sum(cell[1] for cell in pool), people):
        smallest = min(shown, key=lambda cell: cell[1])
        shown.remove(smallest)
        pool.append(smallest)
    if not shown:
        return None
    if pool:
        label = OTHER_OR_MISSING if any(cell[0] == MISSING for cell in pool) else OTHER
        shown.append((label, sum(cell[1] for cell in pool), sum(cell[2] for cell in pool)))
    rest = [cell for cell in shown if cell[0] == MISSING]
    kept = [cell for cell in shown if cell[0] != MISSING]
    if not kept:
        return None
    return {**_shares(kept), "edges": None, "edge_labels": None, "rest": [_rest(cell) for cell in rest]}


def bins(marginal: Json, people: int) -> dict[str, Any] | None:
    """Shares by bin, of which each is at least 20 people, the first and the last without an end; None where fewer than
    two are left.

    What lies beyond the ends is in the bins at the ends. Only bounds that two digits of the range can say are kept.
    """
    rest = {each["label"]: (each["real"], each["synthetic"]) for each in marginal["rest"]}
    if set(rest) - {MISSING, BELOW, ABOVE}:
        return None
    cells = [list(cell) for cell in zip(marginal["real"], marginal["synthetic"], strict=True)]
    if len(cells) < 2:
        return None
    for place, label in ((0, BELOW), (-1, ABOVE)):
        cells[place] = [a + b for a, b in zip(cells[place], rest.get(label, (0.0, 0.0)), strict=True)]
    inner = list(zip(marginal["edges"][1:-1], marginal["edge_labels"][1:-1], strict=True))
    spread = marginal["edges"][-1] - marginal["edges"][0]
    step = _step(spread, DIGITS) if 0 < spread < math.inf else 0.0
    kept, joined = [], [cells[0]]
    for bound, cell in zip(inner, cells[1:], strict=True):
        if _is_on_grid(bound[0], step) and _is_enough(joined[-1][0], people):
            kept.append(bound)
            joined.append(cell)
        else:
            joined[-1] = [a + b for a, b in zip(joined[-1], cell, strict=True)]
    if len(joined) > 1 and not _is_enough(joined[-1][0], people):
        last = joined.pop()
        kept.pop()
        joined[-1] = [a + b for a, b in zip(joined[-1], last, strict=True)]
    return _open_ended(kept, joined, rest.get(MISSING), people)


def _open_ended(
    bounds: list[tuple[float, str]], cells: list[list[float]], missing: tuple[float, float] | None, people: int
) -> dict[str, Any] | None:
    """The bins with words for the first and the last, and a few missing values hidden together with one of the two."""
    if not bounds or not all(_is_enough(real, people) for real, _ in cells):
        return None
    words = [f"under {bounds[0][1]}", *(f"{a[1]} to {b[1]}" for a, b in pairwise(bounds)), f"{bounds[-1][1]} and over"]
    shown = [(word, real, synthetic) for word, (real, synthetic) in zip(words, cells, strict=True)]
    # an open end is drawn as wide as a bin in the middle: where it ends is nobody's business
    widths = sorted(b[0] - a[0] for a, b in pairwise(bounds)) or [abs(bounds[0][0]) or 1.0]
    width = rounded(widths[len(widths) // 2])
    edges = [(bounds[0][0] - width, ""), *bounds, (bounds[-1][0] + width, "")]
    rest = None if missing is None else (MISSING, *missing)
    if rest is not None and not _is_enough(rest[1], people):
        end = 0 if shown[0][1] < shown[-1][1] else -1
        hidden = shown.pop(end)
        edges.pop(end)
        rest = (BEYOND, hidden[1] + rest[1], hidden[2] + rest[2])
    return {
        **_shares(shown),
        "edges": [edge for edge, _ in edges],
        "edge_labels": [label for _, label in edges],
        "rest": [] if rest is None else [_rest(rest)],
    }


def _shares(cells: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    return {
        "labels": [cell[0] for cell in cells],
        "real": [rounded(cell[1]) for cell in cells],
        "synthetic": [rounded(cell[2]) for cell in cells],
    }


def _rest(cell: tuple[str, float, float]) -> dict[str, Any]:
    return {"label": cell[0], "real": rounded(cell[1]), "synthetic": rounded(cell[2])}


def _is_enough(share: float, people: int) -> bool:
    return round(share * people) >= FEWEST


def _is_on_grid(bound: float, step: float) -> bool:
    return step > 0 and abs(bound / step - round(bound / step)) < 1e-6
