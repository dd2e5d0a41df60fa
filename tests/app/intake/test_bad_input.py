"""Every upload that must be refused: with its own code, without a cell of the data, and with nothing left behind."""

import bz2
import csv
import gzip
import io
import stat
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import ServiceError
from app.intake import errors
from app.intake.model import IntakeLimits, ReadOptions
from app.intake.read import ingest

LIMITS = IntakeLimits(threads=1)
NAME = "Xanthippe"
SMALL = IntakeLimits(threads=1, max_decompressed_bytes=1_000_000)


def table(rows: int = 30, *, last: str = "") -> bytes:
    lines = ["name,age,town", *(f"{NAME}{i},{i},Troyes" for i in range(rows))]
    return ("\n".join(lines) + "\n" + last).encode()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zipped_as(entry: zipfile.ZipInfo, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content)
    return buffer.getvalue()


def symlink() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("table.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def parquet(columns: dict[str, pa.Array]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def wide(columns: int) -> bytes:
    names = ",".join(f"c{i}" for i in range(columns))
    return (names + "\n" + "\n".join(",".join([NAME] * columns) for _ in range(25))).encode()


NUMBERS = pa.array(range(40))
NESTED = pa.array([[NAME]] * 40)
BAD = {
    "empty file": (b"", "empty_file"),
    "blank lines": (b"\n\r\n \n", "empty_file"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "empty_file"),
    "empty gzip": (gzip.compress(b""), "empty_file"),
    "header only": (b"name,age\n", "no_records"),
    "one row": (table(1), "too_few_records"),
    "one column": (b"name\n" + f"{NAME}\n".encode() * 40, "too_few_columns"),
    "a long name": (table().replace(b"age", b"a" * 129, 1), "invalid_column_name"),
    "a control character in a name": (table().replace(b"age", b"a\x07ge", 1), "invalid_column_name"),
    "numbers for names": (b"1,2\n" + b"3,4\n" * 40, "no_header"),
    "a record for names": (b"A,7,2024-01-01,M\n" + b"B,8,2024-01-02,F\nC,9,2024-01-03,M\n" * 20, "no_header"),
    "a record of words for names": (b"Al,M,DE,new\n" + b"Bo,M,DE,old\nCy,F,FR,new\n" * 20, "no_header"),
    "a record with a gap for names": (b"Al,M,DE,NA,1\n" + b"Bo,M,DE,3,4\nCy,F,FR,4,5\n" * 20, "no_header"),
    "a title of two columns": (b"Report,\nname,age\n" + b"Al,3\nBo,4\n" * 20, "header_rows"),
    "words for figures in line 2": (b"name,kg,cm\nwho,weight,height\n" + b"A,70,180\nB,80,190\n" * 20, "header_rows"),
    "one wrong record of thirty": (table(last=f"{NAME},7\n"), "ragged_rows"),
    "two wrong records of a hundred": (table(98, last=f"{NAME},7\n" * 2), "ragged_rows"),
    "as many wrong records as right ones": (table(3_000, last=f"{NAME},7\n" * 4_000), "ragged_rows"),
    "values behind the last delimiter": (b"a,b,\n" + b"x,y,\n" * 900 + b"x,y,z\n", "invalid_column_name"),
    "a short row": (table(last=f"{NAME},7\n"), "ragged_rows"),
    "a long row": (table(last=f"{NAME},7,Troyes,8\n"), "ragged_rows"),
    "cut off in a row": (table()[:-10], "ragged_rows"),
    "cut off in quotes": (table(last=f'{NAME},7,"Tro'), "bad_quoting"),
    "text after a closing quote": (table(last=f'"{NAME}"x,7,Troyes\n'), "bad_quoting"),
    "NUL in the head": (table().replace(b"Troyes", b"Tro\0es"), "not_text"),
    "NUL far behind": (table(9_000, last=f"{NAME},7,\0\n"), "not_text"),
    "Latin-1": (table(last=f"{NAME},7,Orl\xe9ans\n").replace("é".encode(), b"\xe9"), "unsupported_encoding"),
    "Latin-1 far behind": (table(9_000) + NAME.encode() + b",7,Orl\xe9ans\n", "unsupported_encoding"),
    "UTF-32": (table().decode().encode("utf-32"), "unsupported_encoding"),
    "UTF-16 cut in a character": (table().decode().encode("utf-16")[:-1], "unsupported_encoding"),
    "a huge line": (table(last=f"{NAME},7," + "x" * 2_000_000), "line_too_long"),
    "a quote that swallows the rest": (table(last='"' + "x,1,2\n" * 300_000), "line_too_long"),
    "3,000 columns": (wide(3_000), "too_many_columns"),
    "gzip cut off": (gzip.compress(table(5_000))[:-200], "truncated_file"),
    "gzip damaged": (gzip.compress(table())[:-8] + b"\0" * 8, "broken_archive"),
    "gzip in gzip": (gzip.compress(gzip.compress(table())), "unsafe_archive"),
    "zip in gzip": (gzip.compress(zipped(a=table())), "unsafe_archive"),
    "zip of two": (zipped(a=table(), b=table()), "unsafe_archive"),
    "zip of none": (zipped(), "unsafe_archive"),
    "zip of a folder with two": (zipped(**{"folder/": b"", "folder/a": b"x", "folder/b": b"x"}), "unsafe_archive"),
    "zip with a parent": (zipped(**{"../table.csv": table()}), "unsafe_archive"),
    "zip with a parent inside": (zipped(**{"folder/../table.csv": table()}), "unsafe_archive"),
    "zip with an absolute path": (zipped(**{"/etc/table.csv": table()}), "unsafe_archive"),
    "zip with a Windows path": (zipped(**{"C:\\table.csv": table()}), "unsafe_archive"),
    "zip of a folder": (zipped(**{"folder/": b""}), "unsafe_archive"),
    "zip of a link": (zipped_as(symlink(), b"/etc/passwd"), "unsafe_archive"),
    "zip in zip": (zipped(a=zipped(b=table())), "unsafe_archive"),
    "zip cut off": (zipped(a=table())[:-30], "truncated_file"),
    "xz": (b"\xfd7zXZ\x00" + NAME.encode(), "unsupported_archive"),
    "bzip2 damaged": (b"BZh91AY&SY" + NAME.encode(), "broken_archive"),
    "bzip2 cut off": (bz2.compress(table(5_000))[:-50], "truncated_file"),
    "bzip2 in gzip": (gzip.compress(bz2.compress(table())), "unsafe_archive"),
    "zstd damaged": (zstd(table())[:4] + b"\xff" * 40, "broken_archive"),
    "zstd cut off": (zstd(table(5_000))[:-50], "truncated_file"),
    "zstd in zstd": (zstd(zstd(table())), "unsafe_archive"),
    "Parquet garbage": (b"PAR1" + NAME.encode() * 20 + b"PAR1", "not_parquet"),
    "Parquet cut off": (parquet({"a": NUMBERS, "b": NUMBERS})[:-20], "not_parquet"),
    "nested Parquet": (parquet({"a": NUMBERS, "b": NESTED}), "unsupported_type"),
    "binary Parquet": (parquet({"a": NUMBERS, "b": pa.array([NAME.encode()] * 40)}), "unsupported_type"),
    "infinite Parquet": (parquet({"a": NUMBERS, "b": pa.array([float("inf")] * 40)}), "not_finite"),
    "NUL in Parquet": (parquet({"a": NUMBERS, "b": pa.array([NAME + "\0"] * 40)}), "not_text"),
    "one column Parquet": (parquet({"a": NUMBERS}), "too_few_columns"),
    "one row Parquet": (parquet({"a": NUMBERS[:1], "b": NUMBERS[:1]}), "too_few_records"),
    "wide Parquet": (parquet({f"c{i}": NUMBERS for i in range(3_000)}), "too_many_columns"),
}


def refused(folder: Path, content: bytes, **kwargs) -> ServiceError:
    source = folder / "upload"
    source.write_bytes(content)
    with pytest.raises(ServiceError) as caught:
        ingest(source, folder / "table.parquet", **{"filename": None, "limits": LIMITS} | kwargs)
    assert [path.name for path in folder.iterdir()] == ["upload"]
    assert NAME not in str(caught.value)
    assert "Troyes" not in str(caught.value)
    assert 400 <= caught.value.status < 500
    return caught.value


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_without_a_trace(case, tmp_path):
    content, code = BAD[case]
    assert refused(tmp_path, content).code == code


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, zstd, lambda content: zipped(a=content)])
def test_a_bomb_is_refused_by_its_decompressed_size(compress, tmp_path):
    bomb = compress(table(30) + b"a,1,b\n" * 1_000_000)
    assert len(bomb) < 50_000
    error = refused(tmp_path, bomb, limits=SMALL)
    assert (error.code, error.status) == ("too_large", 413)


def test_a_zip_that_declares_a_false_size_is_refused(tmp_path):
    honest = zipped(a=table() + b"a,1,b\n" * 1_000_000)
    declared = (len(table()) + 6_000_000).to_bytes(4, "little")
    assert honest.count(declared) == 2
    assert refused(tmp_path, honest.replace(declared, b"\x00\x01\x00\x00"), limits=SMALL).code == "broken_archive"


def test_an_upload_beyond_the_limit_is_refused(tmp_path):
    error = refused(tmp_path, table(), limits=IntakeLimits(max_bytes=100))
    assert (error.code, error.status) == ("too_large", 413)


def test_a_table_beyond_the_limit_of_records_is_refused(tmp_path):
    assert refused(tmp_path, table(50), limits=IntakeLimits(max_rows=49)).code == "too_many_records"


def test_text_that_is_called_parquet_is_refused(tmp_path):
    assert refused(tmp_path, table(), filename="people.parquet").code == "not_parquet"


def test_a_ragged_row_is_named_by_line_and_counts(tmp_path):
    error = refused(tmp_path, table(last=f'"{NAME}\n",1,2\n{NAME},7\n'))
    assert error.detail.startswith("line 34: expected 3 fields, got 2. Correct them, or leave lines at the end out")


def test_the_ragged_file_that_a_single_sniffer_reads_as_one_column(tmp_path):
    rows = "".join(f"{NAME},{i}|x{',y' * (i % 3)}\n" for i in range(60))
    assert refused(tmp_path, ("a,b,c\n" + rows).encode()).code == "ragged_rows"


def test_an_undeclared_encoding_says_what_was_expected_and_how_to_declare_it(tmp_path):
    detail = refused(tmp_path, BAD["Latin-1"][0]).detail
    assert "UTF-8" in detail.upper()
    assert "`encoding`" in detail
    assert "(cp1252, latin-1, utf-16)" in detail


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "utf-7"},
        {"delimiter": "x"},
        {"delimiter": ""},
        {"decimal": "'"},
        {"header_rows": 11},
        {"skip_footer": -1},
    ],
)
def test_unknown_reading_options_are_refused(options):
    with pytest.raises(errors.InvalidReadOptionError):
        ReadOptions(**options)


def test_a_wrong_declared_encoding_is_refused(tmp_path):
    options = ReadOptions(encoding="utf-16")
    assert refused(tmp_path, table(), options=options).code in {"unsupported_encoding", "too_few_columns", "not_text"}


def test_a_wrong_declared_delimiter_is_refused(tmp_path):
    assert refused(tmp_path, table(), options=ReadOptions(delimiter=";")).code == "too_few_columns"


def test_all_codes_are_distinct_and_of_refusals():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.IntakeError)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert {kind.status for kind in kinds if kind is not errors.IntakeFailedError} <= {400, 409, 413, 415, 422}


def test_a_field_beyond_the_parsers_limit_is_refused(tmp_path):
    content = table(last=f"{NAME},1,{'x' * (csv.field_size_limit() + 1)}\n")
    assert refused(tmp_path, content).code == "line_too_long"
