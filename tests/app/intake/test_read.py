"""What an accepted upload becomes: the same values, typed only where every one of them allows it."""

import csv
import datetime
import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.intake.model import FileFormat, Intake, IntakeLimits, ReadOptions
from app.intake.read import ingest
from synth.table.frame import read_parquet
from synth.table.schema import ColumnKind

LIMITS = IntakeLimits(threads=1, min_rows=1)
ROWS = [["Åsa", "1", "00042", "TRUE", "2024-02-29"], ["Bo\nB", "2", "17", "FALSE", "1999-12-31"]] * 15
NAMES = ["name", "age", "code", "member", "joined"]


def written(names, rows, *, delimiter=",", end="\r\n", quoting=csv.QUOTE_MINIMAL) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(names)
    writer.writerows(rows)
    return buffer.getvalue()


def read(folder: Path, content: bytes | str, *, filename=None, options=None, limits=LIMITS) -> tuple[Intake, dict]:
    source, out = folder / "upload", folder / "table.parquet"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    intake = ingest(source, out, filename=filename, limits=limits, options=options)
    assert {path.name for path in folder.iterdir()} == {"upload", "table.parquet"}
    return intake, pq.read_table(out).to_pydict()


def column(folder: Path, *cells: str) -> list:
    """What a column of these cells becomes, beside another one."""
    _, values = read(folder, written(["x", "y"], [[cell, "z"] for cell in cells]))
    return values["x"]


def check_people(intake: Intake, values: dict) -> None:
    assert intake.rows == 30
    assert values["name"] == ["Åsa", "Bo\nB"] * 15
    assert values["age"] == [1, 2] * 15
    assert values["code"] == ["00042", "17"] * 15
    assert values["member"] == ["TRUE", "FALSE"] * 15
    assert values["joined"][:2] == [datetime.datetime(2024, 2, 29), datetime.datetime(1999, 12, 31)]  # noqa: DTZ001


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter_is_recognised(delimiter, tmp_path):
    intake, values = read(tmp_path, written(NAMES, ROWS, delimiter=delimiter))
    check_people(intake, values)
    assert intake.delimiter == delimiter
    assert intake.format is (FileFormat.TSV if delimiter == "\t" else FileFormat.CSV)


@pytest.mark.parametrize(
    ("end", "quoting"),
    [("\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)],
)
def test_line_ends_and_quoting_do_not_matter(end, quoting, tmp_path):
    check_people(*read(tmp_path, written(NAMES, ROWS, end=end, quoting=quoting)))


def test_a_file_without_a_last_line_end_is_whole(tmp_path):
    check_people(*read(tmp_path, written(NAMES, ROWS).rstrip()))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_utf16_are_read_undeclared(codec, tmp_path):
    intake, values = read(tmp_path, written(NAMES, ROWS).encode(codec))
    check_people(intake, values)
    assert bool(intake.warnings) == (codec in {"utf-16-le", "utf-16-be"})


@pytest.mark.parametrize(
    ("codec", "declared"), [("latin-1", "latin-1"), ("cp1252", "windows-1252"), ("utf-16", "UTF-16")]
)
def test_a_declared_encoding_is_used(codec, declared, tmp_path):
    content = written(NAMES, ROWS).encode(codec)
    check_people(*read(tmp_path, content, options=ReadOptions(encoding=declared)))


def test_gzip_and_zip_are_told_by_their_bytes_not_by_the_name(tmp_path):
    plain = written(NAMES, ROWS).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", plain)
    check_people(*read(tmp_path, gzip.compress(plain), filename="people.csv"))
    check_people(*read(tmp_path, buffer.getvalue(), filename="people.csv.gz"))
    check_people(*read(tmp_path, plain, filename="people.csv.gz"))


def test_numbers_are_numbers_only_where_all_of_them_are(tmp_path):
    assert column(tmp_path, "1", "-2", " 3") == [1, -2, 3]
    assert column(tmp_path, "1", "2.5", ".5", "1e3") == [1.0, 2.5, 0.5, 1000.0]
    assert column(tmp_path, "1", "2", "three") == ["1", "2", "three"]
    assert column(tmp_path, "9223372036854775807", "1") == [9223372036854775807, 1]
    assert column(tmp_path, "9223372036854775808", "1") == ["9223372036854775808", "1"]
    assert column(tmp_path, "+49123", "1") == ["+49123", "1"]
    assert column(tmp_path, "1e999", "1") == ["1e999", "1"]
    assert column(tmp_path, "007", "1") == ["007", "1"]


def test_one_stray_value_after_many_numbers_keeps_the_column_text(tmp_path):
    cells = [str(i) for i in range(70_000)] + ["none of these"]
    assert column(tmp_path, *cells) == cells


def test_numbers_with_markers_among_them_are_stored_as_they_are_written(tmp_path):
    intake, values = read(tmp_path, written(["x", "y"], [["1", "?"], ["NA", "b"], [" ", "b"], ["", "b"], ["4", ""]]))
    assert values == {"x": ["1", "NA", " ", None, "4"], "y": ["?", "b", "b", "b", None]}
    assert [c.missing for c in intake.columns] == [1, 1]


def test_plain_dates_are_stored_as_dates_and_all_others_as_they_are_written(tmp_path):
    first, second = datetime.datetime(2024, 2, 29), datetime.datetime(2024, 3, 13)  # noqa: DTZ001
    assert column(tmp_path, "2024-02-29", "2024-03-13") == [first, second]
    for cells in (("2024-02-29T00:00:00Z", "2024-03-13T04:05:06Z"), ("29.02.2024", "13.03.2024"), ("2024-02-30", "x")):
        assert column(tmp_path, *cells) == list(cells)


def test_the_order_of_day_and_month_is_said_to_be_in_doubt_where_both_are_possible(tmp_path):
    days = [[f"{1 + i % 12:02}/{1 + i // 12:02}/2024", "a"] for i in range(60)]
    intake, values = read(tmp_path, written(["x", "y"], days))
    assert values["x"][:2] == ["01/01/2024", "02/01/2024"]
    assert intake.schema["x"].kind == "datetime"
    assert "--kind x=datetime:%" in intake.schema["x"].doubt


def test_names_that_differ_in_case_or_hold_quotes_are_kept(tmp_path):
    names = ["a", "A", 'say "x"', "it's; DROP TABLE", "emp.var.rate", " padded "]
    intake, values = read(tmp_path, written(names, [[i] * 6 for i in range(25)]))
    assert list(values) == names
    assert intake.schema.names == tuple(names)
    assert list(read_parquet(tmp_path / "table.parquet", intake.schema).columns) == names


def test_quotes_after_a_space_are_quotes(tmp_path):
    _, values = read(tmp_path, "name, town\n" + 'Asa, "Troyes, Aube"\n' * 25)
    assert values == {"name": ["Asa"] * 25, "town": ["Troyes, Aube"] * 25}


def test_a_wide_table_within_the_limits_is_read(tmp_path):
    names = [f"c{i}" for i in range(1_000)]
    intake, values = read(tmp_path, written(names, [[i * j for i in range(1_000)] for j in range(25)]))
    assert (intake.rows, len(intake.columns)) == (25, 1_000)
    assert values["c999"] == [999 * j for j in range(25)]


def test_the_intake_travels_as_json(tmp_path):
    intake, _ = read(tmp_path, written(NAMES, ROWS))
    assert Intake.from_json(json.loads(json.dumps(intake.to_json()))) == intake
    assert len(intake.preview) == 20
    assert intake.preview[0] == ("Åsa", "1", "00042", "TRUE", "2024-02-29")


def test_the_preview_shows_times_of_day_where_any_is_told(tmp_path):
    rows = [[i, f"2024-02-{1 + i % 28:02} {'06:30:00' if i == 99 else '00:00:00'}"] for i in range(100)]
    intake, _ = read(tmp_path, written(["age", "at"], rows))
    assert intake.preview[0] == ("0", "2024-02-01 00:00:00")


def test_the_proposed_schema_reads_the_written_table(tmp_path):
    source = Path(__file__).parents[3] / "examples" / "adult.csv.gz"
    out = tmp_path / "table.parquet"
    intake = ingest(source, out, filename=source.name, limits=IntakeLimits(threads=1))
    frame = read_parquet(out, intake.schema)
    assert frame.shape == (48_842, 15)
    assert intake.schema["age"].kind is ColumnKind.NUMERICAL
    assert "?" in set(frame["workclass"])


def test_parquet_of_every_flat_type_becomes_the_table_contract(tmp_path):
    moment = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    columns = {
        "text": pa.array(["a", "", None] * 10),
        "shared": pa.array(["a", "b", None] * 10).dictionary_encode(),
        "flag": pa.array([True, False, None] * 10),
        "small": pa.array([1, 2, None] * 10, pa.uint8()),
        "real": pa.array([1.5, float("nan"), None] * 10, pa.float32()),
        "money": pa.array([1, 2, None] * 10, pa.int64()).cast(pa.decimal128(21, 2)),
        "day": pa.array([datetime.date(2024, 2, 29), None, None] * 10),
        "moment": pa.array([moment, None, None] * 10, pa.timestamp("ns", tz="Europe/Paris")),
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    intake, values = read(tmp_path, buffer.getvalue())
    assert intake.format is FileFormat.PARQUET
    assert {name: cells[:3] for name, cells in values.items()} == {
        "text": ["a", "", None],
        "shared": ["a", "b", None],
        "flag": ["true", "false", None],
        "small": [1, 2, None],
        "real": [1.5, None, None],
        "money": [1.0, 2.0, None],
        "day": [datetime.datetime(2024, 2, 29), None, None],  # noqa: DTZ001
        "moment": [moment.replace(tzinfo=None), None, None],
    }
    assert len(read_parquet(tmp_path / "table.parquet", intake.schema)) == 30


def test_parquet_in_gzip_is_read(tmp_path):
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(range(30)), "b": pa.array(["00042"] * 30)}), buffer)
    _, values = read(tmp_path, gzip.compress(buffer.getvalue()))
    assert values == {"a": list(range(30)), "b": ["00042"] * 30}


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
# a letter first: what looks like a number or a date is read as one, which has tests of its own
WORD = TEXT.map(lambda cell: "w" + cell)
CELLS = st.tuples(WORD, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), WORD)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(CELLS, min_size=1, max_size=8), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_was_written_as_csv_is_read_back(rows, quoting):
    with tempfile.TemporaryDirectory() as folder:
        content = written(["a", "i", "f", "b"], rows, quoting=quoting)
        _, values = read(Path(folder), content, options=ReadOptions(delimiter=","))
    assert list(zip(*values.values(), strict=True)) == [(a, i, f, b) for a, i, f, b in rows]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_any_text_is_read_back_or_was_a_number_or_a_date(rows):
    with tempfile.TemporaryDirectory() as folder:
        content = written(["a", "b", "anchor"], [(*row, "x") for row in rows], quoting=csv.QUOTE_ALL)
        _, values = read(Path(folder), content, options=ReadOptions(delimiter=","))
    for position, name in enumerate(["a", "b"]):
        cells = [row[position] for row in rows]
        if all(cell is None or isinstance(cell, str) for cell in values[name]):
            assert values[name] == [cell or None for cell in cells]
        else:
            assert all(character.isdigit() for character in "".join(str(float(v)) for v in values[name] if v)[:1])


def test_a_column_that_one_text_keeps_from_being_numbers_is_told_without_the_text(tmp_path):
    rows = [[f"{17.31 * each:.2f}", "fm"[each % 2]] for each in range(1, 40)]
    intake, _ = read(tmp_path, written(["glucose", "sex"], [*rows, ["ask Ada", "f"]]))
    assert intake.schema["glucose"].kind is ColumnKind.IDENTIFIER
    (said,) = intake.warnings
    assert said.startswith("column 'glucose': 1 of 40 values")
    assert "Ada" not in said
    intake, _ = read(tmp_path, written(["glucose", "sex"], rows))
    assert (intake.schema["glucose"].kind, intake.warnings) == (ColumnKind.NUMERICAL, ())
