"""How a column writes its dates and datetimes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from synth.calendar_names import CASES, MONTHS, names_of
from synth.detect.words import plain
from synth.written.moments import MomentForm, offset_of

DATES = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%Y%m%d",
    "%Y-%m",
    "%Y/%m",
    "%m/%Y",
    "%m.%Y",
]
NAMED = [
    "%d %b %Y",
    "%d %B %Y",
    "%d. %B %Y",
    "%d. %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%d/%b/%Y",
    "%d%b%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %Y",
    "%b %Y",
    "%b-%Y",
    "%b-%y",
    "%d de %B de %Y",
]
_TIME = re.compile(
    r"(?P<date>.*\d.*?)(?P<between>T| T|, |  | )(?P<hour>\d{1,2}):\d{2}"
    r"(?P<second>:\d{2}(?P<part>[.,]\d{3}(?:\d{3}){0,2})?)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone>Z| UTC| GMT|[+-]\d{2}(?::?\d{2})?)?"
)
SHOWN = 200
"""So many texts at most rule a form out."""
FITTING = 0.9
LIKELIEST = 5
"""Shapes of dates of which the most frequent form is sought."""
PLACES = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "Europe/Moscow",
    "Europe/Lisbon",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "America/Halifax",
    "Australia/Sydney",
    "Asia/Jerusalem",
    "Pacific/Auckland",
    "Africa/Cairo",
]
"""Time zones with summer time, one of each that is used by many."""


def moment_forms(sample: Sequence[str]) -> list[MomentForm]:
    """The forms in which these distinct texts may be dates or datetimes, the likeliest first.

    Two forms that differ in the order of day and month alone are both given where both read all texts.
    """
    shown = [text.strip() for text in sample[:: max(1, len(sample) // SHOWN)][:SHOWN]]
    times = [_TIME.fullmatch(text) for text in shown]
    timed = [found for found in times if found is not None]
    with_time = len(timed) >= FITTING * len(shown) and bool(timed)
    tail = _tail(timed) if with_time else ("", "")
    found = []
    for date in _dates([match["date"] for match in timed] if with_time else shown):
        for days, hours in ((0, 0), (0, 1), (1, 0), (1, 1)):
            # without leading zeros in the date, in the time, or in both
            pattern = (_loose(date.pattern) if days else date.pattern) + (_loose(tail[0]) if hours else tail[0])
            form = replace(date, pattern=pattern, zone=tail[1])
            if sum(form.parse(text) is not None for text in shown) >= FITTING * len(shown):
                found.append(_placed(form, sample))
                break
    return found


def most_frequent_form(counts: Mapping[str, int]) -> MomentForm | None:
    """The form in which most records' dates are written; None where fewer than half of the records have it."""
    shapes: dict[str, list[str]] = {}
    for text in counts:
        shapes.setdefault(re.sub(r"\d", "9", text.strip()), []).append(text)
    often = sorted(shapes.values(), key=lambda texts: -sum(counts[text] for text in texts))
    best, most = None, 0
    for form in (form for texts in often[:LIKELIEST] for form in moment_forms(texts)):
        read = sum(count for text, count in counts.items() if form.parse(text) is not None)
        if read > most:
            best, most = form, read
    return best if 2 * most >= sum(counts.values()) else None


def _loose(pattern: str) -> str:
    """The pattern without leading zeros."""
    for letter in "dmHI":
        pattern = pattern.replace(f"%{letter}", f"%-{letter}")
    return pattern


def _dates(shown: Sequence[str]) -> Iterator[MomentForm]:
    lettered = [text for text in shown if re.search(r"[^\W\d_]{3}", text)]
    if len(lettered) < len(shown) / 2:
        yield from (MomentForm(pattern=pattern) for pattern in DATES)
        return
    for language in MONTHS:
        for short in (True, False):
            names = {plain(name).casefold() for name in names_of(language, "plain", short=short)}
            words = [plain(word).casefold() for text in lettered for word in re.findall(r"[^\W\d_]{3,}", text)]
            if sum(word in names for word in words) >= FITTING * len(lettered):
                case = _case(lettered, language, short=short)
                wanted = "%b" if short else "%B"
                yield from (MomentForm(pattern=p, language=language, case=case) for p in NAMED if wanted in p)


def _case(texts: Sequence[str], language: str, *, short: bool) -> str:
    """How the months' names are written in most texts."""
    fits = {
        case: sum(any(name in text for name in names_of(language, case, short=short)) for text in texts)
        for case in CASES
    }
    return max(CASES, key=lambda case: fits[case])


def _tail(timed: Sequence[re.Match[str]]) -> tuple[str, str]:
    """(pattern of the time with what stands before it, zone)."""
    first = timed[0]
    hour = "I" if first["half"] else "H"
    pattern = f"{first['between']}%{hour}:%M"
    if first["second"]:
        pattern += ":%S"
    if first["part"]:
        pattern += first["part"][0] + {4: "%3", 7: "%f", 10: "%9"}[len(first["part"])]
    if first["half"]:
        pattern += " " * (first["half"][0] == " ") + ("%p" if first["half"].strip().isupper() else "%P")
    zone = first["zone"] or ""
    if zone and zone[0] in "+-":
        zone = "offset:" if ":" in zone else "offset" if len(zone) == 5 else "offset2"
    return pattern, zone


def _placed(form: MomentForm, sample: Sequence[str]) -> MomentForm:
    """The form with the place whose offsets these are: one offset for all, or a time zone with summer time."""
    if not form.zone.startswith("offset"):
        return form
    pairs = [(m, o) for t in sample if (m := form.parse(t)) is not None and (o := offset_of(t)) is not None]
    fitting = {place: _fitting(place, pairs) for place in PLACES} if len({offset for _, offset in pairs}) > 1 else {}
    best = max(fitting, key=lambda place: fitting[place], default=None)
    if best is not None and fitting[best] >= FITTING:
        return replace(form, place=best)
    minutes = int(Counter(offset for _, offset in pairs).most_common(1)[0][0].total_seconds() // 60)
    return replace(form, place=f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}")


def _fitting(place: str, pairs: Sequence[tuple[int, timedelta]]) -> float:
    """The share of the moments at which this place has the offset that is written."""
    zone = ZoneInfo(place)
    fits = 0
    for moment, offset in pairs:
        with suppress(ValueError, OverflowError, OSError):
            fits += datetime.fromtimestamp(moment / 1e6, UTC).astimezone(zone).utcoffset() == offset
    return fits / len(pairs)
