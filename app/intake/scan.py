"""Where records begin and end and how many fields each has, told from the bytes alone and without Arrow.

It is the first of two readers. All of it is array work over the bytes that matter (delimiters, quotes, line ends), so
that its time and its memory grow with the text and with nothing else.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
QUOTE, LINE_FEED, RETURN, SPACE = b'"'[0], b"\n"[0], b"\r"[0], b" "[0]
QUOTED = '"'
MOST_SPACES = 8
"""More spaces than these before a quote are a value."""
LONGEST_EMPTY = 4
"""The bytes of a field without a value, with its delimiter: two quotes and a space."""


class StrayQuoteError(ValueError):
    """A closing quote that neither a delimiter nor a line end follows; it stands at `position`."""

    def __init__(self, position: int) -> None:
        super().__init__("expected a delimiter or a line end after a closing quote")
        self.position = position


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The records of some text that begins with one. All arrays but `line_ends` have one entry per record."""

    starts: Positions
    ends: Positions
    """Behind the line end of each record."""
    fields: Positions
    blank: Flags
    """Whether there is nothing on the line."""
    bare: Flags
    """Whether there are several fields and no value."""
    line_ends: Positions
    """The last byte of every line end, also of those within quotes."""
    longest_field: int
    rest: int
    """Where the text begins whose record is not complete."""
    open: bool
    """Whether that text ends inside quotes."""

    @property
    def empty(self) -> Flags:
        """Whether there is no value."""
        return self.blank | self.bare

    def line(self, position: int) -> int:
        """How many lines end before `position`."""
        return int(np.searchsorted(self.line_ends, position))


def scan(data: bytes, delimiter: str, *, final: bool) -> Marks:
    """The records of `data`; `final` says that no more text follows. Raises StrayQuoteError."""
    text = np.frombuffer(data, np.uint8)
    at, kinds = _structure(data, text, ord(delimiter))
    line_end = _line_ends(text, at, kinds, final=final)
    outside, is_open = np.ones(len(at), bool), False
    quote = kinds == QUOTE
    if quote.any():
        quote[quote] = _true_quotes(text, at[quote], ord(delimiter))
        outside = np.cumsum(quote, dtype=np.uint8) % 2 == 0
        is_open = bool(not outside[-1])
    ending = np.flatnonzero(line_end & outside)
    delimiters = np.cumsum((kinds == ord(delimiter)) & outside, dtype=np.int32)
    ends, seen = at[ending] + 1, delimiters[ending]
    rest = int(ends[-1]) if len(ends) else 0
    if final and not is_open and rest < len(data):
        ends, seen = np.append(ends, len(data)), np.append(seen, delimiters[-1] if len(at) else 0)
        rest = len(data)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)]
    fields = np.diff(seen, prepend=0) + 1
    bare = _are_bare(data, text, starts, ends, fields, delimiter)
    separating = at[outside & ~quote & (at < rest)]
    return Marks(
        starts=starts,
        ends=ends,
        fields=fields,
        blank=_is_one_of(text[starts], LINE_FEED, RETURN),
        bare=bare,
        line_ends=at[line_end],
        longest_field=int(np.diff(np.concatenate([[-1], separating, [rest]])).max(initial=1)) - 1,
        rest=rest,
        open=is_open,
    )


def _are_bare(data: bytes, text: Bytes, starts: Positions, ends: Positions, fields: Positions, delimiter: str) -> Flags:
    """Which records have several fields and no value: as long as their delimiters, spaces and empty quotes."""
    bare = np.zeros(len(starts), bool)
    short = np.flatnonzero((fields > 1) & (ends - starts <= fields * LONGEST_EMPTY + 1))
    if not len(short):
        return bare
    first, second = text[starts[short]], text[np.minimum(starts[short] + 1, len(text) - 1)]
    signs = (ord(delimiter), SPACE, QUOTE)
    maybe = short[_is_one_of(first, *signs) & ((first != QUOTE) | (second == QUOTE))]
    for i in maybe.tolist():
        record = data[int(starts[i]) : int(ends[i])]
        bare[i] = not record.strip(bytes(signs) + b"\r\n") and _is_valueless(record.decode(), delimiter)
    return bare


def _is_valueless(record: str, delimiter: str) -> bool:
    """Whether each field is blank; a quoted delimiter is a value."""
    return QUOTED not in record or not any(map(str.strip, next(csv.reader([record], delimiter=delimiter), [])))


def _structure(data: bytes, text: Bytes, delimiter: int) -> tuple[Positions, Bytes]:
    found = text == delimiter
    for each in (LINE_FEED, RETURN, QUOTE):
        if each in data:
            found |= text == each
    at = np.flatnonzero(found)
    return at, text[at]


def _line_ends(text: Bytes, at: Positions, kinds: Bytes, *, final: bool) -> Flags:
    """Which of the marks end a line: a line feed, and a return that no line feed follows or may still follow."""
    ending: Flags = kinds == LINE_FEED
    returns = np.flatnonzero(kinds == RETURN)
    if len(returns):
        following = at[returns] + 1
        last = following == len(text)
        alone = text[np.where(last, 0, following)] != LINE_FEED
        ending[returns] = np.where(last, final, alone)
    return ending


def _true_quotes(text: Bytes, quotes: Positions, delimiter: int) -> Flags:
    """Which quotes open or close a field or are one half of a pair within; the others stand for themselves."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, text[opening - 1], LINE_FEED)
    opens = _is_one_of(before, delimiter, LINE_FEED, RETURN)
    opens[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    inner = closing[closing + 1 < len(text)]
    closes = _is_one_of(text[inner + 1], delimiter, LINE_FEED, RETURN, QUOTE)
    if opens.all() and closes.all():
        return np.ones(len(quotes), bool)
    return _walked(text, quotes, delimiter)


def _is_one_of(letters: Bytes, *wanted: int) -> Flags:
    found: Flags = letters == wanted[0]
    for each in wanted[1:]:
        found |= letters == each
    return found


def _walked(text: Bytes, quotes: Positions, delimiter: int) -> Flags:
    """The same, one quote after the other: for the few texts with quotes inside of unquoted fields."""
    starts = {delimiter, LINE_FEED, RETURN}
    after = {*starts, QUOTE, -1}
    befores = np.where(quotes > 0, text[quotes - 1], LINE_FEED).tolist()
    nexts = np.append(text, 0).astype(np.int16)
    nexts[-1] = -1
    true = np.zeros(len(quotes), bool)
    inside, paired = False, -1
    for i, (position, before, next_) in enumerate(
        zip(quotes.tolist(), befores, nexts[quotes + 1].tolist(), strict=True)
    ):
        if not inside:
            true[i] = inside = before in starts
        elif position == paired:
            true[i] = True
        elif next_ == QUOTE:
            true[i], paired = True, position + 1
        elif next_ in after:
            true[i], inside = True, False
        else:
            raise StrayQuoteError(position)
    return true


def without_spaces(data: bytes, delimiter: str) -> bytes:
    """The text without the spaces that stand between a delimiter and an opening quote. It begins with a record."""
    if b" " + b'"' not in data:
        return data
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == QUOTE)
    dropped: list[int] = []
    inside, closed = False, -2
    for position in quotes.tolist():
        if inside:
            inside, closed = False, position
        elif position == closed + 1:
            inside = True  # the second of a pair
        else:
            start = position
            while start and data[start - 1] == SPACE and position - start < MOST_SPACES:
                start -= 1
            if start == 0 or data[start - 1] in (ord(delimiter), LINE_FEED, RETURN):
                inside = True
                dropped.extend(range(start, position))
    return np.delete(text, dropped).tobytes() if dropped else data
