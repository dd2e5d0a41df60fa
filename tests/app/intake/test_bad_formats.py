"""Feather, JSON and spreadsheets that must be refused: with their code, the column's name, and no cell of the data."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import re
import struct
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import ServiceError
from app.intake.model import IntakeLimits
from app.intake.read import ingest
from tests.app.intake.files import arrow, number, parquet, row, text, xlsx
from tests.app.intake.test_bad_input import NAME, SMALL, refused, zipped

NUMBERS = pa.array(range(40))
COLUMN = "the column"
BOTH = {"parquet": parquet, "feather": arrow}
FAR = datetime.date(9999, 12, 31).toordinal() - 719_163 + 1
BAD_COLUMNS = {
    "lists": (pa.array([[NAME]] * 40), "unsupported_type"),
    "structs": (pa.array([{"a": NAME}] * 40), "unsupported_type"),
    "maps": (pa.array([[("a", NAME)]] * 40, pa.map_(pa.string(), pa.string())), "unsupported_type"),
    "binary": (pa.array([NAME.encode()] * 40), "unsupported_type"),
    "fixed binary": (pa.array([NAME.encode()] * 40, pa.binary(len(NAME))), "unsupported_type"),
    "durations": (pa.array([1] * 40, pa.duration("s")), "unsupported_type"),
    "an unknown zone": (pa.array([1] * 40, pa.timestamp("us", "Mars/Phobos")), "unsupported_type"),
    "large integers": (pa.array([2**63] * 40, pa.uint64()), "out_of_range"),
    "large whole decimals": (pa.array([Decimal(10**30)] * 40, pa.decimal128(38, 0)), "out_of_range"),
    "decimals of more digits than a double": (
        pa.array([Decimal("4111111111111101.25")] * 40, pa.decimal128(38, 2)),
        "out_of_range",
    ),
    "the year 10000": (pa.array([FAR] * 40, pa.int32()).cast(pa.date32()), "out_of_range"),
    "the year 0": (pa.array([-719_163] * 40, pa.int32()).cast(pa.date32()), "out_of_range"),
    "seconds beyond the microseconds": (pa.array([2**60] * 40).cast(pa.timestamp("ms")), "out_of_range"),
    "infinite": (pa.array([float("inf")] * 40, pa.float32()), "not_finite"),
    "NUL": (pa.array([f"{NAME}\0"] * 40).dictionary_encode(), "not_text"),
    "a long text": (pa.array([NAME * 200_000] * 40), "line_too_long"),
}


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_a_column_that_cannot_be_read_is_named(form: str, case: str, tmp_path: Path) -> None:
    column, code = BAD_COLUMNS[case]
    error = refused(tmp_path, BOTH[form]({"a": NUMBERS, COLUMN: column}))
    assert error.code == code
    assert repr(COLUMN) in error.detail


def objects(*records: object) -> bytes:
    return json.dumps([*records, *({"a": i, COLUMN: NAME} for i in range(40))]).encode()


WHOLE = arrow({"a": NUMBERS, "b": pa.array([NAME] * 40)})
STREAM = arrow({"a": NUMBERS, "b": pa.array([NAME] * 40)}, stream=True)
BAD = {
    "Feather cut off": (WHOLE[: len(WHOLE) // 2], "not_arrow"),
    "Feather garbage": (b"ARROW1\0\0" + NAME.encode() * 20, "not_arrow"),
    "Feather of the past": (b"FEA1" + NAME.encode() * 20, "unsupported_type"),
    "a stream cut off": (STREAM[:-400], "not_arrow"),
    "a stream of garbage": (b"\xff\xff\xff\xff" + NAME.encode() * 20, "not_arrow"),
    "one column": (arrow({"a": NUMBERS}), "too_few_columns"),
    "one record": (arrow({"a": NUMBERS[:1], "b": NUMBERS[:1]}), "too_few_records"),
    "nested objects": (objects({"a": 1, COLUMN: {"b": NAME}}), "unsupported_type"),
    "nested lists": (objects({"a": 1, COLUMN: [NAME]}), "unsupported_type"),
    "a large integer": (objects({COLUMN: 2**63}), "out_of_range"),
    "an infinite number": (objects({COLUMN: float("inf")}), "not_finite"),
    "half a surrogate pair": (objects({COLUMN: "\ud800"}), "not_text"),
    "NUL in JSON": (objects({COLUMN: f"{NAME}\0"}), "not_text"),
    "a number of many digits": (objects()[:-1] + b', {"a": ' + b"9" * 9_000 + b"}]", "not_json"),
    "an empty list": (b"[]", "no_records"),
    "empty objects": (b"[{}]", "too_few_records"),
    "many empty objects": (b"{}\n" * 50, "too_few_columns"),
    "a list of lists": (json.dumps([[NAME, 1]] * 40).encode(), None),
    "a list with something else in it": (objects()[:-1] + b", 7]", "not_json"),
    "a list that goes on": (objects() + b"{}", "not_json"),
    "a list cut off": (objects()[:-20], "not_json"),
    "JSON without commas": (objects().replace(b"}, {", b"} {"), "not_json"),
    "lines cut off": (b'{"a": 1, "b": 2}\n' * 40 + b'{"a": "' + NAME.encode(), "not_json"),
    "lines with commas": (b'{"a": 1, "b": 2},\n' * 40, "not_json"),
    "a single object": (json.dumps({NAME: {"a": 1}, "b": [1]}).encode(), "not_json"),
    "a name twice": (b'[{"a": 1, "a": 2}]', "not_json"),
    "deep nesting": (b'[{"a":' + b"[" * 100_000, "not_json"),
    "JSON in Latin-1": (objects()[:-1] + b', {"a": "\xe9"}]', "not_json"),
    "a long object": (objects({"a": "x" * 2_000_000}), "line_too_long"),
    "a long object cut off": (b'[{"a": "' + b"x" * 2_000_000, "line_too_long"),
    "a long name": (objects({NAME * 100: 1}), "invalid_column_name"),
    "JSON in gzip in gzip": (gzip.compress(gzip.compress(objects())), "unsafe_archive"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NAME.encode() * 100, "unsupported_type"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_without_a_trace(case: str, tmp_path: Path) -> None:
    content, code = BAD[case]
    error = refused(tmp_path, content)
    assert code is None or error.code == code
    if code in {"unsupported_type", "out_of_range", "not_finite", "not_text"} and content.startswith(b"["):
        assert repr(COLUMN) in error.detail


HEADER = row(1, text("a"), text(COLUMN))
ROWS = [row(i, number(i), text(NAME)) for i in range(2, 42)]


def sheet(*rows: str, **more: object) -> bytes:
    return xlsx([HEADER, *ROWS, *rows], **more)  # type: ignore[arg-type]


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">]>'
BAD_SHEETS = {
    "empty": (xlsx([]), "no_records"),
    "names alone": (xlsx([HEADER]), "no_records"),
    "numbers for names": (xlsx([row(1, number(1), number(2)), *ROWS]), "no_header"),
    "a title above": (xlsx([row(1, text("Report")), *ROWS]), "too_few_columns"),
    "a cell beside the table": (sheet(row(43, number(1), text("x"), text("y"))), "ragged_rows"),
    "an empty name": (xlsx([row(1, text("a"), "<c/>", text("b")), *ROWS]), "invalid_column_name"),
    "a name twice": (xlsx([row(1, text("a"), text("a")), *ROWS]), "duplicate_columns"),
    "a document type": (sheet(prefix=LAUGHS), "not_spreadsheet"),
    "broken XML": (sheet("<row>"), "not_spreadsheet"),
    "a text that is not there": (sheet(row(43, '<c t="s"><v>7</v></c>')), "not_spreadsheet"),
    "a place beyond the last column": (sheet(row(43, '<c r="ZZZ43"><v>7</v></c>')), "not_spreadsheet"),
    "a row beyond the last": (sheet(row(2_000_000, number(1))), "not_spreadsheet"),
    "rows out of order": (sheet(row(3, number(1))), "not_spreadsheet"),
    "no number": (sheet(row(43, number(NAME))), "not_spreadsheet"),
    "a date before 1900": (sheet(row(43, number(-1, 1))), "out_of_range"),
    "a date after 9999": (sheet(row(43, number(2_958_466, 1))), "out_of_range"),
    "NUL": (sheet(row(43, number(1), text("&#0;"))), "not_spreadsheet"),
    "a long cell": (sheet(row(43, number(1), text("x" * 2_000_000))), "line_too_long"),
    "deep nesting": (sheet("<a>" * 100 + "</a>" * 100), "not_spreadsheet"),
    "no workbook": (xlsx([HEADER], more={"_rels/.rels": "<Relationships/>"}), "not_spreadsheet"),
    "no sheets": (xlsx(), "not_spreadsheet"),
    "in gzip in gzip": (gzip.compress(gzip.compress(sheet())), "unsafe_archive"),
    "no spreadsheet in gzip": (gzip.compress(zipped(**{"xl/a": b"x"})), "not_spreadsheet"),
    "a long name": (xlsx([row(1, text("a"), text("b" * 129)), *ROWS]), "invalid_column_name"),
    "cut off": (sheet()[:-30], "truncated_file"),
}


@pytest.mark.parametrize("case", BAD_SHEETS)
def test_a_bad_sheet_is_refused_without_a_trace(case: str, tmp_path: Path) -> None:
    content, code = BAD_SHEETS[case]
    error = refused(tmp_path, content)
    assert error.code == code
    if code == "out_of_range":
        assert re.search(r"column '(a|the column)'", error.detail)


def test_a_title_in_a_sheet_is_said_in_the_words_of_spreadsheets(tmp_path: Path) -> None:
    detail = refused(tmp_path, BAD_SHEETS["a title above"][0]).detail
    assert "title" in detail
    assert "--sheet" in detail
    assert "delimiter" not in detail


def test_damage_inside_of_a_spreadsheet_is_found(tmp_path: Path) -> None:
    content = bytearray(sheet())
    at = content.find(b"xl/worksheets/s1.xml") + 60
    content[at : at + 20] = b"\xff" * 20
    assert refused(tmp_path, bytes(content)).code == "not_spreadsheet"


@pytest.mark.parametrize(
    ("filename", "code"),
    [
        ("a.feather", "not_arrow"),
        ("a.arrow", "not_arrow"),
        ("a.json", "not_json"),
        ("a.jsonl.gz", "not_json"),
        ("a.XLSX", "not_spreadsheet"),
        ("a.parquet.zst", "not_parquet"),
    ],
)
def test_text_that_is_called_otherwise_is_refused(filename: str, code: str, tmp_path: Path) -> None:
    assert refused(tmp_path, b"a,b\n" + b"1,2\n" * 40, filename=filename).code == code


@pytest.mark.parametrize("filename", ["a.csv", "a.json", "a", None])
@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML file"),
        (b"{\\rtf1", "a text document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"SQLite format 3\0", "an SQLite database"),
    ],
)
def test_what_is_no_table_is_called_by_its_kind(begin: bytes, what: str, filename: str | None, tmp_path: Path) -> None:
    error = refused(tmp_path, begin + f"{NAME},1\n".encode() * 40, filename=filename)
    assert error.code == "no_table"
    assert what in error.detail
    assert "save the table as CSV" in error.detail


def repeated(rows: int) -> dict[str, pa.Array]:
    """A long text that stands in the file once and in the table often."""
    indices = pa.array([0] * rows, pa.int32())
    return {"a": pa.array(range(rows)), "b": pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 100_000]))}


@pytest.mark.parametrize("form", BOTH)
def test_dictionaries_are_counted_before_they_are_decoded(form: str, tmp_path: Path) -> None:
    limits = IntakeLimits(max_decompressed_bytes=100_000_000)
    content = BOTH[form](repeated(200_000))
    assert len(content) < 3_000_000
    error = refused(tmp_path, content, limits=limits)
    assert error.code == "too_large"


def test_repeated_text_within_the_limits_is_decoded_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(parquet(repeated(2_000)))
    ingest(tmp_path / "upload", tmp_path / "out.parquet", filename=None, limits=IntakeLimits())
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 2_000


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_buffers_are_counted_before_they_are_decompressed(compression: str, tmp_path: Path) -> None:
    content = arrow({"a": pa.array([0] * 1_000_000), "b": pa.array([0] * 1_000_000)}, compression=compression)
    assert len(content) < 200_000
    assert refused(tmp_path, content, limits=SMALL).code == "too_large"


def test_a_bomb_in_a_spreadsheet_is_refused_by_its_decompressed_size(tmp_path: Path) -> None:
    content = sheet(more={"xl/media/image1.png": "0" * 5_000_000})
    assert len(content) < 50_000
    assert refused(tmp_path, content, limits=SMALL).code == "too_large"


def test_a_spreadsheet_that_declares_a_false_size_is_refused(tmp_path: Path) -> None:
    honest = sheet()
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        size = archive.getinfo("xl/worksheets/s1.xml").file_size
    declared = size.to_bytes(4, "little")
    assert honest.count(declared) >= 1
    lying = honest.replace(declared, (100).to_bytes(4, "little"))
    assert refused(tmp_path, lying, limits=SMALL).code == "not_spreadsheet"


@pytest.mark.parametrize("content", [WHOLE, STREAM, objects(), sheet()], ids=["file", "stream", "json", "xlsx"])
def test_damage_anywhere_is_a_refusal_or_a_table(content: bytes, tmp_path: Path) -> None:
    for place in range(0, len(content), max(1, len(content) // 120)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "upload").write_bytes(bytes(damaged))
        refusal = None
        try:
            ingest(tmp_path / "upload", tmp_path / "out.parquet", filename=None, limits=IntakeLimits(threads=1))
        except ServiceError as error:
            refusal = error
        assert refusal is None or (refusal.status < 500 and NAME not in str(refusal))


def test_entries_of_a_dictionary_are_no_records(tmp_path: Path) -> None:
    few = {"a": pa.array(range(20)), "b": pa.array([f"{i}" for i in range(20)]).dictionary_encode()}
    for form in BOTH.values():
        assert refused(tmp_path, form(few)).code == "too_few_records"


def test_a_negative_size_does_not_hide_the_others(tmp_path: Path) -> None:
    whole = bytearray(arrow({"a": NUMBERS, "b": pa.array([NAME] * 40)}))
    length = struct.pack("<q", 40 * 8)
    places = [at for at in range(0, len(whole) - 8, 8) if whole[at : at + 8] == length]
    assert places
    for at in places:
        broken = bytes(whole[:at]) + struct.pack("<q", -(2**50)) + bytes(whole[at + 8 :])
        assert refused(tmp_path, broken).code in {"not_arrow", "unsupported_type"}


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_spreadsheet_packed_in_another_way_is_refused(packing: int, tmp_path: Path) -> None:
    plain, packed = zipfile.ZipFile(io.BytesIO(sheet(row(text("a"), text("b"))))), io.BytesIO()
    with zipfile.ZipFile(packed, "w", packing) as archive:
        for member in plain.namelist():
            archive.writestr(member, plain.read(member))
    assert refused(tmp_path, packed.getvalue()).code == "not_spreadsheet"
