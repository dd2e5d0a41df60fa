"""Feather, Arrow, JSON, spreadsheets and packed files become the same table as CSV and Parquet do."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.intake.errors import IntakeError
from app.intake.model import FileFormat, Intake, IntakeLimits, ReadOptions
from app.intake.read import ingest
from tests.app.intake.files import arrow, number, parquet, row, text, xlsx

LIMITS = IntakeLimits(threads=1, min_rows=1)
DAY = datetime.datetime(2024, 2, 29)  # noqa: DTZ001 - tables hold moments without a zone
COLUMNS = {
    "name": pa.array(["Åsa", "", None] * 10).dictionary_encode(),
    "long": pa.array(["a", "b", None] * 10, pa.string_view()),
    "member": pa.array([True, False, None] * 10),
    "age": pa.array([1, 2, None] * 10, pa.uint8()),
    "income": pa.array([0.1, float("nan"), None] * 10, pa.float32()),
    "id": pa.array([10**17, 2, None] * 10, pa.int64()).cast(pa.decimal128(38, 0)),
    "day": pa.array([DAY.date(), None, None] * 10),
    "time": pa.array([datetime.time(7, 5, 9, 500_000), None, None] * 10, pa.time64("us")),
    "moment": pa.array([DAY, None, None] * 10, pa.timestamp("ns", "Europe/Paris")),
    "nothing": pa.nulls(30),
}
STORED = {
    "name": ["Åsa", "", None],
    "long": ["a", "b", None],
    "member": ["true", "false", None],
    "age": [1, 2, None],
    "income": [0.1, None, None],
    "id": [10**17, 2, None],
    "day": [DAY, None, None],
    "time": ["07:05:09", None, None],
    "moment": [DAY, None, None],
    "nothing": [None, None, None],
}


def read(folder: Path, content: bytes, **said: object) -> tuple[Intake, dict[str, list[object]]]:
    source, out = folder / "upload", folder / "table.parquet"
    source.write_bytes(content)
    intake = ingest(source, out, **{"filename": None, "limits": LIMITS} | said)
    assert {path.name for path in folder.iterdir()} == {"upload", "table.parquet"}
    return intake, pq.read_table(out).to_pydict()


@pytest.mark.parametrize(
    "content",
    [
        parquet(COLUMNS),
        arrow(COLUMNS),
        arrow(COLUMNS, stream=True),
        arrow(COLUMNS, compression=None),
        arrow(COLUMNS, compression="lz4"),
    ],
)
def test_typed_files_are_stored_plainly_and_the_schema_remembers_their_types(content: bytes, tmp_path: Path) -> None:
    intake, values = read(tmp_path, content)
    assert intake.format in {FileFormat.FEATHER, FileFormat.PARQUET}
    assert {name: cells[:3] for name, cells in values.items()} == STORED
    came = {spec.name: spec.arrow_type for spec in intake.schema}
    assert came | {"long": ""} == {name: str(column.type) for name, column in COLUMNS.items()} | {"long": ""}
    assert came["long"] in {"string_view", "string"}  # Parquet files say so only where their writer did
    assert Intake.from_json(json.loads(json.dumps(intake.to_json()))).schema == intake.schema


def test_pandas_dtypes_are_remembered(tmp_path: Path) -> None:
    pandas = json.dumps(
        {"columns": [{"field_name": "a", "numpy_type": "Int64"}, {"field_name": "b", "numpy_type": "x"}]}
    )
    table = pa.table({"a": [1, None] * 15, "b": [1, 2] * 15}).replace_schema_metadata({"pandas": pandas})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    intake, _ = read(tmp_path, sink.getvalue())
    assert [spec.pandas_dtype for spec in intake.schema] == ["Int64", ""]


def test_an_index_without_a_name_is_left_out(tmp_path: Path) -> None:
    columns = {"a": pa.array(range(30)), "b": pa.array(range(30)), "__index_level_0__": pa.array(range(30))}
    intake, values = read(tmp_path, parquet(columns))
    assert list(values) == ["a", "b"]
    assert any("index" in warning for warning in intake.warnings)


OBJECTS = [
    {"name": "Åsa", "member": True, "age": 1, "income": 1, "mixed": 1, "when": "2024-02-29"},
    {"name": "", "member": False, "age": 2, "income": 2.5, "mixed": "x"},
    {"name": None, "age": None, "later": 3, "mixed": True},
] * 10


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (json.dumps(OBJECTS), FileFormat.JSON),
        ("\ufeff " + json.dumps(OBJECTS, indent=2, ensure_ascii=False) + "\n", FileFormat.JSON),
        ("\n".join(map(json.dumps, OBJECTS)), FileFormat.JSON_LINES),
        ("\r\n\r\n".join(map(json.dumps, OBJECTS)) + "\r\n", FileFormat.JSON_LINES),
    ],
)
def test_objects_are_records(content: str, found: FileFormat, tmp_path: Path) -> None:
    intake, values = read(tmp_path, content.encode())
    assert intake.format is found
    assert {name: cells[:3] for name, cells in values.items()} == {
        "name": ["Åsa", "", None],
        "member": ["true", "false", None],
        "age": [1, 2, None],
        "income": [1.0, 2.5, None],
        "mixed": ["1", "x", "true"],
        "when": ["2024-02-29", None, None],
        "later": [None, None, 3],
    }
    assert intake.schema["member"].arrow_type == "bool"


def test_a_large_list_is_read_in_pieces(tmp_path: Path) -> None:
    records = [{"n": i, "text": "x" * 200} for i in range(20_000)]
    _, values = read(tmp_path, json.dumps(records).encode())
    assert values["n"] == list(range(20_000))


def test_objects_are_told_from_text_whose_name_says_so(tmp_path: Path) -> None:
    content = '[{"a",b\n' + "1,2\n" * 40
    with pytest.raises(IntakeError):
        read(tmp_path, content.encode())
    (tmp_path / "upload").unlink()
    intake, _ = read(tmp_path, b"[{,b\n" + b"1,2\n" * 40, filename="odd.csv")
    assert intake.format is FileFormat.CSV


SHEET = [
    row(2, text("name"), text("age"), text("day"), text("seen"), text("ok"), text("took"), text("days"), text("mixed")),
    *(
        row(
            i,
            '<c t="s"><v>0</v></c>',
            number(f"{i}.0"),
            number(45_351, 1),
            number(45_351.5, 2),
            f'<c t="b"><f>A1</f><v>{i % 2}</v></c>',
            number(1.25, 3),
            number(3, 4),
            number(0.30000000000000004) if i % 2 else text("x"),
        )
        for i in range(3, 43)
    ),
    row(50, '<c t="e"><v>#DIV/0!</v></c>', '<c t="str"><f>1</f><v></v></c>', number(45_352, 1)),
    row(51),
]


def test_a_spreadsheet_is_read_as_it_shows(tmp_path: Path) -> None:
    intake, values = read(tmp_path, xlsx(SHEET, texts=["Åsa"]), filename="table.xlsx")
    assert intake.format is FileFormat.XLSX
    assert intake.rows == 41
    assert {name: cells[0] for name, cells in values.items()} == {
        "name": "Åsa",
        "age": 3,
        "day": DAY,
        "seen": DAY.replace(hour=12),
        "ok": "true",
        "took": "30:00:00",
        "days": 3,
        "mixed": "0.3",
    }
    assert [values["name"][-1], values["age"][-1], values["day"][-1]] == [None, None, DAY + datetime.timedelta(1)]
    assert {s.name: s.arrow_type for s in intake.schema if s.arrow_type} == {"ok": "bool", "day": "date32[day]"}


def test_a_sheet_is_read_by_its_name_and_the_first_without(tmp_path: Path) -> None:
    other = [row(1, text("a"), text("b")), *(row(i, number(i), number(1)) for i in range(2, 40))]
    content = xlsx(SHEET, other, texts=["x"])
    assert next(iter(read(tmp_path, content)[1])) == "name"
    (tmp_path / "table.parquet").unlink()
    assert list(read(tmp_path, content, options=ReadOptions(sheet="S2"))[1]) == ["a", "b"]
    with pytest.raises(IntakeError, match="2 sheets"):
        read(tmp_path, content, options=ReadOptions(sheet="S3"))


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    content = "\n".join(map(json.dumps, OBJECTS)).encode()
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.jsonl", content)
        archive.writestr("__MACOSX/._table.jsonl", b"\0\5\x16\7")
    folder = io.BytesIO()
    with zipfile.ZipFile(folder, "w") as archive:
        for name, held in {"in/": b"", "in/.DS_Store": b"\0", "in/table.jsonl": content}.items():
            archive.writestr(name, held)
    for each in (bz2.compress(content), sink.getvalue().to_pybytes(), packed.getvalue(), folder.getvalue()):
        intake, _ = read(tmp_path, each)
        assert intake.format is FileFormat.JSON_LINES
        (tmp_path / "table.parquet").unlink()


def test_packed_spreadsheets_are_unpacked(tmp_path: Path) -> None:
    content, packed = xlsx(SHEET, texts=["x"]), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.xlsx", content)
    for each in (gzip.compress(content), packed.getvalue()):
        intake, _ = read(tmp_path, each)
        assert (intake.format, intake.rows) == (FileFormat.XLSX, 41)
        (tmp_path / "table.parquet").unlink()


@pytest.mark.parametrize(
    "content",
    [
        ('"plain","b \r\n c",d\te\n' + "x,y,z\n" * 40).encode(),
        json.dumps([dict.fromkeys(["plain", "b \r\n c", "d\te"], "x")] * 40).encode(),
        parquet({name: pa.array(["x"] * 40) for name in ["plain", "b \r\n c", "d\te"]}),
        arrow({name: pa.array(["x"] * 40) for name in ["plain", "b \r\n c", "d\te"]}),
        xlsx(
            [
                row(1, text("plain"), text("b &#10; c"), text("d&#9;e")),
                *[row(i, *[text("x")] * 3) for i in range(2, 42)],
            ]
        ),
    ],
    ids=["csv", "json", "parquet", "feather", "xlsx"],
)
def test_line_ends_and_tabs_in_names_become_spaces(content: bytes, tmp_path: Path) -> None:
    intake, values = read(tmp_path, content)
    assert list(values) == ["plain", "b c", "d e"]
    assert all(column[0] in {"x", "y", "z"} for column in values.values())
    assert "columns 2, 3: line ends and tabs in the name were replaced by spaces" in intake.warnings
