"""Times of day and durations: `08:15`, `7:05:09`, `6:54 PM`, `112:30`, `2 days 03:00:00`, `PT1H30M`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TWO_OF_12 = r"(?P<h>0[1-9]|1[0-2])"
_OF_12 = r"(?P<h>0?[1-9]|1[0-2])"
HALF_DAY = 43_200
STYLES = {
    "HH:MM": re.compile(r"(?P<sign>-?)(?P<h>\d{2,4}):(?P<m>[0-5]\d)", re.ASCII),
    "H:MM": re.compile(r"(?P<sign>-?)(?P<h>\d{1,4}):(?P<m>[0-5]\d)", re.ASCII),
    "HH:MM:SS": re.compile(r"(?P<sign>-?)(?P<h>\d{2,4}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)", re.ASCII),
    "H:MM:SS": re.compile(r"(?P<sign>-?)(?P<h>\d{1,4}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)", re.ASCII),
    "HH:MM[:SS]": re.compile(r"(?P<sign>-?)(?P<h>\d{1,4}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?", re.ASCII),
    "HH:MM AM": re.compile(rf"(?P<sign>){_TWO_OF_12}:(?P<m>[0-5]\d) (?P<half>[AP])M", re.ASCII),
    "H:MM AM": re.compile(rf"(?P<sign>){_OF_12}:(?P<m>[0-5]\d) (?P<half>[AP])M", re.ASCII),
    "H:MM am": re.compile(rf"(?P<sign>){_OF_12}:(?P<m>[0-5]\d) (?P<half>[ap])m", re.ASCII),
    "HH:MM Uhr": re.compile(r"(?P<sign>-?)(?P<h>\d{2}):(?P<m>[0-5]\d) Uhr", re.ASCII),
    "H:MM Uhr": re.compile(r"(?P<sign>-?)(?P<h>\d{1,2}):(?P<m>[0-5]\d) Uhr", re.ASCII),
    "D days HH:MM:SS": re.compile(
        r"(?P<sign>)(?P<d>-?\d{1,6}) days? \+?(?P<h>\d{2}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)", re.ASCII
    ),
    "Hh Mm": re.compile(r"(?P<sign>-?)(?P<h>\d{1,4})h ?(?P<m>[0-5]?\d)m", re.ASCII),
    "PTnHnMnS": re.compile(
        r"(?P<sign>-?)PT(?=.)(?:(?P<h>\d{1,5})H)?(?:(?P<m>\d{1,4})M)?(?:(?P<s>\d{1,5})S)?", re.ASCII
    ),
}
"""The styles that are known; earlier ones are tried first. Seconds in brackets may be left out; they are written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockForm:
    """How a column writes times of day or durations; they are counted in seconds."""

    style: str

    def parse(self, text: str) -> int | None:
        """Seconds; None where the text is not written this way."""
        found = STYLES[self.style].fullmatch(text.strip())
        if found is None:
            return None
        parts = found.groupdict()
        seconds = int(parts.get("d") or 0) * 86_400 + int(parts.get("h") or 0) * 3600
        seconds += int(parts.get("m") or 0) * 60 + int(parts.get("s") or 0)
        half = parts.get("half")
        if half is not None:
            return seconds % HALF_DAY + HALF_DAY * (half in "Pp")
        return -seconds if parts["sign"] else seconds

    def format(self, value: float) -> str:
        """So many seconds, as this column writes them."""
        total = round(value)
        if self.style == "D days HH:MM:SS":
            days, rest = divmod(total, 86_400)
            return f"{days} days {'+' if days < 0 else ''}{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
        sign, size = "-" if total < 0 else "", abs(total)
        hours, minutes, seconds = size // 3600, size // 60 % 60, size % 60
        if self.style == "PTnHnMnS":
            parts = [f"{n}{letter}" for n, letter in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n]
            return f"{sign}PT{''.join(parts) or '0S'}"
        if self.style == "Hh Mm":
            return f"{sign}{hours}h {minutes:02}m"
        if self.style.endswith(("AM", "am")):
            return self._of_half_day(round(value) % (2 * HALF_DAY))
        shown = f"{hours:02}" if self.style.startswith("HH") else str(hours)
        text = f"{sign}{shown}:{minutes:02}" + (f":{seconds:02}" if "SS" in self.style else "")
        return f"{text} Uhr" if self.style.endswith("Uhr") else text

    def _of_half_day(self, seconds: int) -> str:
        """A time of day as 12:05 AM or 6:54 PM."""
        half = "PM" if seconds >= HALF_DAY else "AM"
        hours = (seconds % HALF_DAY) // 3600 or 12
        shown = f"{hours:02}" if self.style.startswith("HH") else str(hours)
        return f"{shown}:{seconds // 60 % 60:02} {half.lower() if self.style.endswith('am') else half}"
