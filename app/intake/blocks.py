"""Text to chunks of whole records, of which those with another number of fields than the header are left out."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from app.intake.errors import BadQuotingError, LineTooLongError, RaggedRowsError, TooManyRecordsError
from app.intake.model import IntakeLimits
from app.intake.scan import Marks, StrayQuoteError, scan, without_spaces
from app.intake.totals import MAX_TOTALS, is_total

MAX_REJECTED = 0.01
"""At most this share of the records may have a wrong number of fields. More of them are a dialect that is wrong."""
NAMED_LINES = 10
"""How many lines a sentence names."""
HOPELESS = 1_000
"""After so many wrong records, and as many right ones or fewer, the rest is not read."""
MAX_FIELD = 131_072
"""The longest field, in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some records, each with the right number of fields."""

    data: bytes
    records: int
    first_line: int
    last_line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the records are divided, where they begin and how many at the end do not count."""

    delimiter: str
    skip_space: bool
    fields: int
    first_line: int
    skip_footer: int | None
    """None where lines of totals are to be recognised."""


class Records:
    """The records of a text, and what was left out of them once all of it was read."""

    def __init__(self, layout: Layout, limits: IntakeLimits) -> None:
        self._layout, self._limits = layout, limits
        self._held = MAX_TOTALS if layout.skip_footer is None else layout.skip_footer
        self._line = layout.first_line
        self._gaps: list[tuple[int, int]] = []
        """Where blank lines were taken out of the text at hand, and how many."""
        self._wrong_fields = 0
        self.count = 0
        self.bare = 0
        """Records without any value."""
        self.rejected = 0
        self.rejected_lines: list[int] = []
        self.footer_lines: list[int] = []

    def chunks(self, blocks: Iterator[bytes]) -> Generator[Chunk, None, None]:
        """The records that `blocks`, which begin with one, hold.

        Raises RaggedRowsError, BadQuotingError, LineTooLongError, TooManyRecordsError; each names lines and counts.
        """
        rest = b""
        for block in blocks:
            data = self._tight(rest + block)
            marks = self._scan(data, final=False)
            cut = _before_last(marks, self._held)
            if cut:
                yield self._chunk(data, marks, cut)
            rest = self._rest(data, marks, cut)
        yield from self._last(self._tight(rest))
        self._check_rejected()

    def _rest(self, data: bytes, marks: Marks, cut: int) -> bytes:
        """The text behind the first `cut` records, without the blank lines at its end, however many they are."""
        begin = int(marks.ends[cut - 1]) if cut else 0
        last = np.flatnonzero(~marks.empty[cut:])
        end = int(marks.ends[cut + last[-1]]) if len(last) else begin
        self.bare += int(marks.bare[cut + (int(last[-1]) + 1 if len(last) else 0) :].sum())
        line = self._at(marks, begin)
        self._gaps = [(at - begin, lines) for at, lines in self._gaps if at > begin]
        if (blank := marks.line(marks.rest) - marks.line(end)) > 0:
            self._gaps.append((end - begin, blank))
        self._line = line
        return data[begin:end] + data[marks.rest :]

    def _at(self, marks: Marks, position: int) -> int:
        """The line at `position`."""
        return self._line + marks.line(position) + sum(lines for at, lines in self._gaps if at <= position)

    def _tight(self, data: bytes) -> bytes:
        return without_spaces(data, self._layout.delimiter) if self._layout.skip_space else data

    def _last(self, data: bytes) -> Iterator[Chunk]:
        marks = self._scan(data, final=True)
        if marks.open:
            raise BadQuotingError(
                f"line {self._at(marks, marks.rest)}: expected a closing quote, the file ends inside the quoted field"
            )
        cut = self._before_footer(data, marks)
        if cut:
            yield self._chunk(data, marks, cut)

    def _before_footer(self, data: bytes, marks: Marks) -> int:
        """How many of the records count; the others are the footer."""
        cut = _before_last(marks, self._held)
        footer = [int(i) for i in range(cut, len(marks.ends)) if not marks.empty[i]]
        if self._layout.skip_footer is None:
            footer = self._recognised(data, marks, footer)
            if not footer or not (self.count or footer[0]):
                return len(marks.ends)
            cut = footer[0]
        self.bare += int(marks.bare[cut:].sum())
        self.footer_lines = [self._at(marks, int(marks.starts[i])) for i in footer]
        return cut

    def _recognised(self, data: bytes, marks: Marks, last: list[int]) -> list[int]:
        """Those of the last records that are totals or notes, with no other record behind them."""
        found: list[int] = []
        for i in reversed(last):
            if not is_total(self._text(data, marks, i), self._layout.delimiter, self._layout.fields):
                break
            found.insert(0, i)
        return found

    @staticmethod
    def _text(data: bytes, marks: Marks, record: int) -> str:
        return data[int(marks.starts[record]) : int(marks.ends[record])].decode()

    def _scan(self, data: bytes, *, final: bool) -> Marks:
        try:
            marks = scan(data, self._layout.delimiter, final=final)
        except StrayQuoteError as error:
            gaps = sum(lines for at, lines in self._gaps if at <= error.position)
            line = self._line + gaps + _lines(data[: error.position])
        else:
            self._check_lengths(data, marks)
            return marks
        raise BadQuotingError(
            f"line {line}: expected a delimiter or a line end after a closing quote, got something else"
        )

    def _check_lengths(self, data: bytes, marks: Marks) -> None:
        """The limits count characters, of which there are at most as many as bytes."""
        most = self._limits.max_line_bytes
        sizes = np.append(marks.ends - marks.starts, len(data) - marks.rest)
        for i in np.flatnonzero(sizes > most).tolist():
            start = int(marks.starts[i]) if i < len(marks.starts) else marks.rest
            if len(data[start : start + int(sizes[i])].decode(errors="ignore")) > most:
                raise LineTooLongError(
                    f"line {self._at(marks, start)}: expected a record of at most {most:,} characters, "
                    "got more; a quote may not be closed"
                )
        if marks.longest_field > MAX_FIELD:
            self._check_fields(data, marks)

    def _check_fields(self, data: bytes, marks: Marks) -> None:
        sizes = marks.ends - marks.starts
        for i in np.flatnonzero(sizes > MAX_FIELD).tolist():
            one = data[int(marks.starts[i]) : int(marks.ends[i])].decode()
            if (
                len(one) > MAX_FIELD
                and scan(_as_wide(one), self._layout.delimiter, final=True).longest_field > MAX_FIELD
            ):
                raise LineTooLongError(
                    f"line {self._at(marks, int(marks.starts[i]))}: expected fields of at most {MAX_FIELD:,} "
                    "characters, got a longer one; a quote may not be closed"
                )

    def _chunk(self, data: bytes, marks: Marks, cut: int) -> Chunk:
        """The first `cut` records, without the wrong ones."""
        end = int(marks.ends[cut - 1])
        bare = marks.bare[:cut]
        wrong = (marks.fields[:cut] != self._layout.fields) & ~marks.empty[:cut]
        content = data[:end]
        if (left_out := np.flatnonzero(wrong | bare)).size:
            content = _without(data, marks, left_out, end)
            self._reject(data, marks, np.flatnonzero(wrong).tolist())
        self.bare += int(bare.sum())
        records = cut - int(wrong.sum()) - int(marks.empty[:cut].sum())
        self.count += records
        if self.count > self._limits.max_rows:
            raise TooManyRecordsError(f"expected at most {self._limits.max_rows:,} records, got more")
        if self.rejected > max(HOPELESS, self.count):
            self._check_rejected()
        return Chunk(data=content, records=records, first_line=self._line, last_line=self._at(marks, end) - 1)

    def _reject(self, data: bytes, marks: Marks, wrong: list[int]) -> None:
        for i in wrong:
            if marks.fields[i] == 1 and not data[int(marks.starts[i]) : int(marks.ends[i])].strip():
                continue  # a blank line with spaces on it
            self.rejected += 1
            if len(self.rejected_lines) < NAMED_LINES:
                self.rejected_lines.append(self._at(marks, int(marks.starts[i])))
                self._wrong_fields = self._wrong_fields or int(marks.fields[i])

    def _check_rejected(self) -> None:
        if self.rejected > MAX_REJECTED * (self.count + self.rejected):
            others = f"; {self.rejected:,} records are so, on {named(self.rejected_lines, self.rejected)}"
            raise RaggedRowsError(
                f"line {self.rejected_lines[0]}: expected {self._layout.fields} fields, got {self._wrong_fields}"
                + (others if self.rejected > 1 else "")
                + f". Correct them, or leave lines at the end out with `skip_footer` or --skip-footer; at most "
                f"{MAX_REJECTED:.0%} of the records are left out on their own"
            )


def named(lines: list[int], count: int) -> str:
    """`lines 2, 5 and 7`, or the first of them where there are more."""
    if count == 1:
        return f"line {lines[0]}"
    if count > len(lines):
        return f"lines {', '.join(map(str, lines))} and {count - len(lines):,} more"
    return f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"


def _before_last(marks: Marks, held: int) -> int:
    """How many records stand before the last `held` that are not blank; blank ones before these do not count either."""
    if held == 0:
        return len(marks.ends)
    full = np.flatnonzero(~marks.empty)
    if not len(full):
        return len(marks.ends)
    return int(full[-held]) if len(full) >= held else 0


def _without(data: bytes, marks: Marks, wrong: np.ndarray[tuple[int], np.dtype[np.int64]], end: int) -> bytes:
    begins = np.concatenate([[0], marks.ends[wrong]]).tolist()
    stops = np.concatenate([marks.starts[wrong], [end]]).tolist()
    view = memoryview(data)
    return b"".join(view[begin:stop] for begin, stop in zip(begins, stops, strict=True))


def _as_wide(text: str) -> bytes:
    """The text with one byte for each character, which keeps all that divides fields."""
    return text.encode("ascii", "replace")


def _lines(data: bytes) -> int:
    return data.count(b"\n") or data.count(b"\r")
