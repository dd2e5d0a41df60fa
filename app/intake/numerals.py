"""Texts as floating-point numbers."""

from __future__ import annotations

import pandas as pd

HUGE_EXPONENT = r"[eE][+-]?\d{5,}"
"""No such number is finite and above 0. pandas 2 crashes on exponents that exceed 32 bits."""


def as_numbers(texts: pd.Series) -> pd.Series:
    """Each text as a float64; NaN where it is no number, or one whose exponent has more than four digits."""
    huge = texts.str.contains(HUGE_EXPONENT, regex=True, na=False)
    return pd.to_numeric(texts.mask(huge), errors="coerce").astype("float64")
