"""A made-up table that keeps rules of each kind."""

from __future__ import annotations

import numpy as np
import pandas as pd


def visits(records: int, seed: int = 0) -> pd.DataFrame:
    """Visits of patients."""
    random = np.random.default_rng(seed)
    stay = random.geometric(0.2, records)
    admitted = pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 700, records), unit="D")
    drugs, care = (random.gamma(2, scale, records).round(2) + 0.01 for scale in (100, 50))
    pieces, price = random.integers(1, 9, records), random.choice([4.99, 9.99, 19.5], records)
    hour, minute = random.integers(6, 23, records), random.integers(0, 60, records)
    ward = random.choice(3, records, p=[0.6, 0.3, 0.1])
    low = random.integers(50, 90, records)
    smoker = random.choice(["no", "yes"], records, p=[0.7, 0.3])
    return pd.DataFrame(
        {
            "admitted": admitted,
            "discharged": admitted + pd.to_timedelta(stay, unit="D"),
            "stay": stay,
            "drugs": drugs,
            "care": care,
            "total": (drugs + care).round(2),
            "pieces": pieces,
            "price": price,
            "line": (pieces * price).round(2),
            "hour": hour,
            "minute": minute,
            "time": 100 * hour + minute,
            "ward_a": (ward == 0).astype(int),
            "ward_b": (ward == 1).astype(int),
            "ward_c": (ward == 2).astype(int),
            "low": low,
            "high": low + random.integers(15, 50, records),
            "smoker": smoker,
            "packs": np.where(smoker == "yes", random.integers(1, 40, records), np.nan),
        }
    )
