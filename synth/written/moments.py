"""Dates and datetimes as people write them: `27 Dec 2020`, `07/10/23`, `2023-06-29T22:03:00+02:00`, `20230710`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from synth.calendar_names import names_of
from synth.zones import OFFSET, zone_of

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all reckoning here is in UTC, without saying so in each value
MICRO = timedelta(microseconds=1)
_DIGITS = {
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%m": r"\d{2}",
    "%-m": r"\d{1,2}",
    "%d": r"\d{2}",
    "%-d": r"\d{1,2}",
    "%H": r"\d{2}",
    "%-H": r"\d{1,2}",
    "%I": r"\d{2}",
    "%-I": r"\d{1,2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
    "%3": r"\d{3}",
    "%f": r"\d{6}",
    "%9": r"\d{9}",
}
TOKEN = re.compile(r"%-?[A-Za-z0-9]")
PIVOT = 69
"""A year of two digits below is one of 2000 and later, as in POSIX."""
ZONES = ("", "Z", " UTC", " GMT", "offset", "offset:", "offset2")
"""After the time: nothing, a name of UTC, or an offset as +0200, +02:00 or +02."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MomentForm:
    """How a column writes dates or datetimes. `parse` and `format` are inverse to each other for these."""

    pattern: str
    """With the codes of strftime; `%-d` is a day without a leading zero, `%3` milliseconds, `%9` nanoseconds."""
    zone: str = ""
    """One of ZONES."""
    place: str = "UTC"
    """Where offsets come from: a name of the IANA time zone database, or a fixed offset such as +02:00."""
    language: str = "en"
    case: str = "plain"
    """Of the names of months."""

    def parse(self, text: str) -> int | None:
        """Microseconds since 1970 in UTC; None where the text is not written this way or no such moment exists."""
        return _parser(self)(text.strip())

    def format(self, value: float) -> str:
        """The moment `value` microseconds after 1970 in UTC, as this column writes it."""
        moment = EPOCH + timedelta(microseconds=int(value))
        if self.zone.startswith("offset"):
            moment = _local(moment, zone_of(self.place))
        written = TOKEN.sub(lambda token: _write(token[0], moment, self), self.pattern)
        if not self.zone.startswith("offset"):
            return written + self.zone
        offset = moment.utcoffset() or timedelta()
        minutes = int(offset.total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        colon = {"offset": f"{rest:02}", "offset:": f":{rest:02}", "offset2": ""}[self.zone]
        return f"{written}{'-' if minutes < 0 else '+'}{hours:02}{colon}"

    @property
    def days_only(self) -> bool:
        """Whether no time of day is written."""
        return not re.search(r"%-?[HI]", self.pattern)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.replace(tzinfo=UTC).astimezone(zone)
    except OverflowError:  # the first and the last day of all
        return moment.replace(tzinfo=UTC)


def offset_of(text: str) -> timedelta | None:
    """The offset from UTC that the text ends with."""
    found = re.search(r"[+-]\d{2}:?(?:\d{2})?$", text.strip())
    if found is None:
        return None
    parts = OFFSET.fullmatch(found[0])
    if parts is None:
        return None
    minutes = int(parts[2]) * 60 + int(parts[3] or 0)
    return timedelta(minutes=-minutes if parts[1] == "-" else minutes)


def _write(token: str, moment: datetime, form: MomentForm) -> str:
    half = moment.hour % 12 or 12
    numbers = {"m": moment.month, "d": moment.day, "H": moment.hour, "I": half, "M": moment.minute, "S": moment.second}
    letter = token[-1]
    if letter in numbers:
        return str(numbers[letter]) if token[1] == "-" else f"{numbers[letter]:02}"
    if letter in "bB":
        return names_of(form.language, form.case, short=letter == "b")[moment.month - 1]
    if letter in "pP":
        half_day = "AM" if moment.hour < 12 else "PM"
        return half_day if letter == "p" else half_day.lower()
    fractions = {"3": f"{moment.microsecond // 1000:03}", "f": f"{moment.microsecond:06}"}
    fractions |= {"9": f"{moment.microsecond:06}000", "Y": f"{moment.year:04}", "y": f"{moment.year % 100:02}"}
    return fractions[letter]


@lru_cache(maxsize=512)
def _parser(form: MomentForm) -> Callable[[str], int | None]:
    months = {
        name.casefold(): i + 1
        for short in (True, False)
        for i, name in enumerate(names_of(form.language, form.case, short=short))
    }
    words = "|".join(sorted(map(re.escape, months), key=len, reverse=True))
    parts: list[str] = []
    at = 0
    for token in TOKEN.finditer(form.pattern):
        parts.append(re.escape(form.pattern[at : token.start()]))
        letter = token[0][-1]
        shape = _DIGITS.get(token[0]) or {"b": words, "B": words, "p": "AM|PM", "P": "am|pm"}[letter]
        parts.append(f"(?P<{'n' + letter if letter.isdigit() else letter}>{shape})")
        at = token.end()
    zone = r"(?P<zone>[+-]\d{2}" + {"offset": r"\d{2}", "offset:": r":\d{2}", "offset2": ""}.get(form.zone, "") + ")"
    tail = zone if form.zone.startswith("offset") else re.escape(form.zone)
    flags = re.IGNORECASE if re.search("%[bB]", form.pattern) else 0
    compiled = re.compile("".join(parts) + re.escape(form.pattern[at:]) + tail, flags)

    def parse(text: str) -> int | None:
        found = compiled.fullmatch(text)
        return None if found is None else _moment(found.groupdict(), months)

    return parse


def _moment(found: dict[str, str], months: dict[str, int]) -> int | None:
    """Microseconds since 1970 of what was found by letter; None where there is no such day or time."""
    year = int(found.get("Y", "1970"))
    if "y" in found:
        year = int(found["y"]) + (2000 if int(found["y"]) < PIVOT else 1900)
    word = found.get("b") or found.get("B")
    month = months[word.casefold()] if word else int(found.get("m", "1"))
    hour = int(found.get("H", "0"))
    if "I" in found:
        half = int(found["I"])
        if not 1 <= half <= 12:
            return None
        hour = half % 12 + (12 if (found.get("p") or found.get("P") or "").lower() == "pm" else 0)
    micro = int(found.get("n3", "0")) * 1000 + int(found.get("f", "0")) + int(found.get("n9", "0")) // 1000
    try:
        moment = datetime(year, month, int(found.get("d", "1")), hour, int(found.get("M", "0")))  # noqa: DTZ001 - in UTC
        moment += timedelta(seconds=_seconds(found), microseconds=micro)
    except (ValueError, OverflowError):
        return None
    zone = offset_of(found["zone"]) if found.get("zone") else None
    return (moment - EPOCH) // MICRO - (zone // MICRO if zone else 0)


def _seconds(found: dict[str, str]) -> int:
    seconds = int(found.get("S", "0"))
    if seconds > 59:
        raise ValueError("expected at most 59 seconds")
    return seconds
