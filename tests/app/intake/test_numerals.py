"""No text ends the process that reads it as a number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd

from app.intake.numerals import as_numbers


def test_texts_become_numbers_or_nothing() -> None:
    texts = pd.Series([" 1.5", "-2e3", "abc", "", None, "1e400", "1e-400"], dtype=object)
    np.testing.assert_array_equal(as_numbers(texts), [1.5, -2000.0, np.nan, np.nan, np.nan, np.nan, 0.0])


def test_an_exponent_beyond_32_bits_is_no_number_and_ends_nothing() -> None:
    """A process of its own, as `pandas.to_numeric` ends it with a segmentation fault."""
    code = (
        "import pandas as pd; from app.intake.numerals import as_numbers; "
        "print(as_numbers(pd.Series(['9e2147483648', '1E+99999999999', '7'])).tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout.strip()) == (0, "[nan, nan, 7.0]")
