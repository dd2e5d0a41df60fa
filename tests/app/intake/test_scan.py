"""The scan and Python's csv module find the same records, whatever the bytes."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.intake.scan import StrayQuoteError, scan, without_spaces

PIECES = st.lists(st.sampled_from(["a", "é", " ", ",", ";", '"', '""', "\n", "\r\n", "\r"]), max_size=24).map("".join)


def by_csv(text: str, delimiter: str = ",") -> list[int] | None:
    """The number of fields of each record, 0 for a blank line; None where the text is broken."""
    try:
        return [len(r) for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]
    except csv.Error:
        return None


def by_scan(text: str, delimiter: str = ",") -> list[int] | None:
    try:
        marks = scan(text.encode(), delimiter, final=True)
    except StrayQuoteError:
        return None
    if marks.open:
        return None
    return [0 if blank else int(fields) for fields, blank in zip(marks.fields, marks.blank, strict=True)]


@settings(max_examples=600, deadline=None)
@given(text=PIECES)
@example(text='a"b,"c\n')
@example(text='"a""b"\r\n\r\n"c')
def test_the_scan_counts_what_csv_counts(text):
    assert by_scan(text) == by_csv(text)


@settings(max_examples=300, deadline=None)
@given(text=PIECES, cut=st.integers(0, 24))
def test_a_text_cut_anywhere_gives_the_same_records(text, cut):
    whole = by_scan(text)
    if whole is None:
        return
    data = text.encode()
    first = scan(data[:cut], ",", final=False)
    second = scan(data[first.rest :], ",", final=True)
    fields = [int(f) for f in first.fields] + [int(f) for f in second.fields]
    blank = [*first.blank, *second.blank]
    assert [0 if b else f for f, b in zip(fields, blank, strict=True)] == whole


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.lists(PIECES, min_size=2, max_size=2), min_size=1, max_size=4))
def test_spaces_before_quotes_go_and_those_within_stay(rows):
    spaced = "".join(", ".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    tight = without_spaces(spaced.encode(), ",").decode()
    assert list(csv.reader(io.StringIO(tight, newline=""), strict=True)) == rows


def test_lines_are_counted_within_quotes_too():
    marks = scan(b'a,"x\ny"\r\nb,c\rd,e\n', ",", final=True)
    assert [marks.line(int(start)) for start in marks.starts] == [0, 2, 3]


@pytest.mark.parametrize("text", ['"' * 200_001, 'x"' * 100_000, '"a""' * 100_000, ', "' * 100_000])
def test_the_time_grows_with_the_text_alone(text):
    by_scan(text)
    without_spaces(text.encode(), ",")
