"""Time zones by name: one of the IANA database, or a fixed offset such as +02:00."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w+\-/]{0,63}", re.ASCII)


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The zone of a name. Raises ValueError, KeyError or OSError where there is none."""
    found = OFFSET.fullmatch(name)
    if found is None:
        return ZoneInfo(name)
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def is_zone(name: str) -> bool:
    """Whether a text, which may be anybody's, names a time zone."""
    if not _NAME.fullmatch(name) and not OFFSET.fullmatch(name):
        return False
    try:
        zone_of(name)
    except (ValueError, KeyError, OSError):
        return False
    return True
