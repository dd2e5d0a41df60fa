"""What the parts of the page's fidelity share: a chart with its table, and figures in words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from app.report.base import Figure
from app.report.closeness_model import Gap
from app.report.units import LEFT_OUT, NOT_MEASURED, number


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """One chart with its table: head, rows, and a sentence."""

    line: str
    chart: Markup
    head: tuple[str, ...]
    rows: list[list[str]]


def beside(gap: Gap | None, whole: float | None = None) -> str:
    """A distance beside that of a real sample."""
    if gap is None:
        return NOT_MEASURED if whole is None else f"{share(whole)} off, a real sample: {NOT_MEASURED}"
    return f"{share(gap.synthetic)} off, a real sample {share(gap.floor)}"


def share(value: float | None) -> str:
    """A share of records in per cent."""
    return NOT_MEASURED if value is None else f"{100 * value:.2f}\u00a0%"


def absent_text(figure: Figure) -> str:
    """Why a figure is not there."""
    return figure.reason if figure.reason.startswith(LEFT_OUT) else f"{NOT_MEASURED}: {figure.reason}"


def figure_text(figure: Figure) -> str:
    """A figure with its interval in one line."""
    if figure.value is None:
        return absent_text(figure)
    if figure.lower is None or figure.upper is None:
        return number(figure.value)
    return f"{number(figure.value)} ({number(figure.lower)} to {number(figure.upper)})"
