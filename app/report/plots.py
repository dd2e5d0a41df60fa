"""Small drawings as text: what a page of hundreds of charts is made of. The page's own colours, in light and dark.

A chart of matplotlib takes 50 ms and 9 kB; one of these about 1 ms and 3 kB. Sizes are those of the view box.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

from app.report.svg import INK, MUTED, REAL, RULE, SYNTHETIC, fitted
from app.report.units import plain

FONT = 8.0
SHADES = 16
COLOURS = {"ink": INK, "muted": MUTED, "rule": RULE, "real": REAL, "synthetic": SYNTHETIC}


def colour(name: str) -> str:
    """A colour of the page, and that of light paper where there is no page around."""
    return f"var(--{name}, {COLOURS[name]})"


def svg(size: tuple[float, float], parts: Iterable[str], *, title: str, description: str, salt: str) -> Markup:
    """One `<svg>` with title and description. `parts` are elements that the functions below made."""
    return Markup(
        '<svg class="chart" viewBox="0 0 {:g} {:g}" role="img" aria-labelledby="{}-title {}-desc" font-size="{:g}">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(
        *size,
        salt,
        salt,
        FONT,
        salt,
        plain(title),
        salt,
        plain(description),
        Markup("".join(parts)),  # noqa: S704 - numbers, our own names, and text that `text` has escaped
    )


def group(parts: Iterable[str], *, fill: str = "none", stroke: str = "none", width: float = 1, more: str = "") -> str:
    """Elements of one colour. `fill` and `stroke` are names of colours."""
    fill, stroke = (each if each == "none" else colour(each) for each in (fill, stroke))
    return f'<g style="fill: {fill}; stroke: {stroke}; stroke-width: {width:g}{more}">{"".join(parts)}</g>'


def text(x: float, y: float, words: str, *, anchor: str = "start", turned: bool = False) -> str:
    """A line of text, its baseline at `y`; `turned` reads upwards."""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{where}{turn}>{escape(plain(words))}</text>'


def label(x: float, y: float, words: str, room: float, *, anchor: str = "start", turned: bool = False) -> str:
    """A text that a user wrote, shortened in its middle to the room there is."""
    return text(x, y, fitted(words, room, FONT, pinch=True), anchor=anchor, turned=turned)


def rect(x: float, y: float, width: float, height: float) -> str:
    """A rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"/>'


def line(points: Sequence[tuple[float, float]]) -> str:
    """A line through the points."""
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def steps(edges: Sequence[float], heights: Sequence[float], base: float) -> str:
    """The outline of a histogram, closed along its base; places, not values."""
    way = "".join(f"V{y:.1f}H{x:.1f}" for x, y in zip(edges[1:], heights, strict=True))
    return f'<path d="M{edges[0]:.1f} {base:.1f}{way}V{base:.1f}Z"/>'


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round values between the ends, at most `most` steps."""
    if not low < high:
        return [low]
    reach = (high - low) * 1e-9
    return [float(v) for v in MaxNLocator(most).tick_values(low, high) if low - reach <= v <= high + reach]


def shaded(
    values: Sequence[Sequence[float | None]],
    at: tuple[float, float],
    side: tuple[float, float],
    reach: float,
    *,
    signed: bool = False,
) -> list[str]:
    """A grid of cells, from the corner `at`, each `side` wide and high, the darker the further its value is from 0.

    Values are in the colour of ink; with `signed`, those above 0 in that of the synthetic table and those below in that
    of the real one. A cell without a value is crossed out.
    """
    cells: dict[int, list[str]] = {}
    crossed = []
    for i, row in enumerate(values):
        for j, cell in enumerate(row):
            x, y = at[0] + j * side[0], at[1] + i * side[1]
            if cell is None:
                crossed.append(
                    f"M{x + side[0] * 0.3:.1f} {y + side[1] * 0.7:.1f}l{side[0] * 0.4:.1f} {-side[1] * 0.4:.1f}"
                )
            elif shade := _shade(cell, reach, signed=signed):
                cells.setdefault(shade, []).append(f"M{x:.1f} {y:.1f}h{side[0]:.1f}v{side[1]:.1f}h-{side[0]:.1f}z")
    found = []
    for shade, ways in sorted(cells.items()):
        name = ("synthetic" if shade > 0 else "real") if signed else "ink"
        found.append(
            group(
                [f'<path d="{"".join(ways)}"/>'],
                fill=name,
                more=f"; fill-opacity: {0.05 + 0.9 * abs(shade) / SHADES:.2f}",
            )
        )
    if crossed:
        found.append(group([f'<path d="{"".join(crossed)}"/>'], stroke="rule", width=1))
    return found


def _shade(value: float, reach: float, *, signed: bool) -> int:
    """From -16 to 16. Without a sign what is there at all can be seen."""
    shade = round(SHADES * max(-1.0, min(1.0, value / reach if reach else 0.0)))
    return shade if signed or value <= 0 else max(1, shade)


def frame(x: float, y: float, width: float, height: float) -> str:
    """The outline of a grid."""
    return group([rect(x, y, width, height)], stroke="rule", width=0.8)
