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


def flights(records: int, seed: int = 0) -> pd.DataFrame:
    """Departures with the planned time, the real one and the delay in minutes; midnight is 2400, as in nycflights13."""
    random = np.random.default_rng(seed)
    hour, minute = random.integers(5, 24, records), 5 * random.integers(0, 12, records)
    delay = np.where(random.random(records) < 0.3, random.integers(10, 200, records), random.integers(-15, 10, records))
    arrives = np.mod(60 * hour + minute + random.integers(60, 400, records), 1440)
    late = delay + random.integers(-30, 30, records)
    return pd.DataFrame(
        {
            "dep_time": hhmm(60 * hour + minute + delay, midnight=2400),
            "sched_dep_time": 100 * hour + minute,
            "dep_delay": delay,
            "arr_time": hhmm(arrives + late, midnight=0),
            "sched_arr_time": hhmm(arrives, midnight=0),
            "arr_delay": late,
            "hour": hour,
            "minute": minute,
            "carrier": random.choice(["AA", "B6", "UA"], records, p=[0.5, 0.3, 0.2]),
        }
    )


def appointments(records: int, seed: int = 0) -> pd.DataFrame:
    """Appointments in UTC and parts of them as clocks in New York show them, beside a birth date and its year."""
    random = np.random.default_rng(seed)
    weekday, hour = random.choice(6, records, p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.05]), random.integers(8, 18, records)
    local = pd.Series(
        pd.Timestamp("2021-03-01") + pd.to_timedelta(7 * random.integers(0, 120, records) + weekday, unit="D")
    )
    local += pd.to_timedelta(60 * hour + 5 * random.integers(0, 12, records), unit="min")
    born = pd.Series(pd.Timestamp("1930-01-01") + pd.to_timedelta(random.integers(0, 29_000, records), unit="D"))
    numbers = {part: getattr(local.dt, part).astype("int64") for part in ("year", "day", "hour", "minute")}
    return pd.DataFrame(
        {
            "at": local.dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "year": numbers["year"],
            "month": local.dt.month_name(),
            "day": numbers["day"],
            "weekday": local.dt.day_name().str[:3],
            "hour": numbers["hour"],
            "minute": numbers["minute"],
            "quarter": "Q" + local.dt.quarter.astype(str),
            "born": born,
            "birth_year": born.dt.year.astype("int64"),
            "birth_month": born.dt.month.map("{:02}".format),
            "ward": random.choice(["a", "b", "c"], records, p=[0.5, 0.3, 0.2]),
        }
    )


def hhmm(minutes: np.ndarray, midnight: int) -> np.ndarray:
    """Times of day as numbers, of minutes that may lie on the day before or after."""
    within = np.mod(minutes, 1440)
    return np.where(within == 0, midnight, 100 * (within // 60) + within % 60)
