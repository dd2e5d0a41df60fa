"""The parts of a date that a column may hold. This loads nothing, so that whoever only reads a schema may."""

from __future__ import annotations

RANGES = {
    "year": (1, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
    "weekday": (1, 7),
    "day_of_week": (1, 7),
    "quarter": (1, 4),
    "week": (1, 53),
    "day_of_year": (1, 366),
}
"""The least and the greatest number of each part. Weekdays count from Monday, days of the week from Sunday; weeks are
those of ISO 8601."""
MOMENTS = ("date", "year_month")
"""Parts that are dates: the day of a date with a time, and the first day of its month."""
PARTS = (*RANGES, *MOMENTS)
"""Where two parts are the same in a table, such as the days of January, the first one is meant."""
NAMED = ("month", "weekday")
"""Parts that may be written as names."""
