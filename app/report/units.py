"""Figures for people: per cent for a share, thousands separated, and words where there is no figure."""

from __future__ import annotations

NOT_MEASURED = "not measured"


def in_unit(value: float | None, its_unit: str) -> str:
    """A figure of a finding for people: per cent for a share, three decimals for the others."""
    if value is None:
        return NOT_MEASURED
    return f"{100 * value:.2f}\u00a0%" if its_unit == "share" else f"{value:.3f}"


def number(value: float | None) -> str:
    """A number for people: about four significant digits, thousands separated, no exponent unless far from one."""
    if value is None:
        return NOT_MEASURED
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e15 or size < 1e-5:
        return f"{value:.3g}"
    if size >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    if size >= 0.1:
        return f"{value:.{1 if size >= 100 else 2 if size >= 10 else 3}f}"
    return f"{value:.6f}".rstrip("0") if size < 0.001 else f"{value:.4f}"
