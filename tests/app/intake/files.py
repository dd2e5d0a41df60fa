"""Small files of every format, as people send them and as they must not."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STYLES = ("0", "14", "22", "46", "164")
"""A number, a date, a moment, a duration, and a number with the word Day."""


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def arrow(columns: dict[str, pa.Array], *, stream: bool = False, compression: str | None = "zstd") -> bytes:
    table, sink = pa.table(columns), io.BytesIO()
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def row(number: int, *cells: str) -> str:
    """A row of a sheet; each cell is its XML without the place, e.g. `<c><v>1</v></c>`."""
    return f'<row r="{number}">' + "".join(cells) + "</row>"


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def number(value: object, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def xlsx(
    *sheets: Sequence[str], texts: Sequence[str] = (), prefix: str = "", more: dict[str, str] | None = None
) -> bytes:
    """A workbook whose sheets, called S1, S2 and so on, have these rows."""
    shown = "".join(f'<sheet name="S{i}" sheetId="{i}" r:id="r{i}"/>' for i, _ in enumerate(sheets, 1))
    pages = "".join(
        f'<Relationship Id="r{i}" Type="{OFFICE}/worksheet" Target="worksheets/s{i}.xml"/>'
        for i, _ in enumerate(sheets, 1)
    )
    shared = "".join(f"<si><t>{each}</t></si>" for each in texts)
    formats = "".join(f'<xf numFmtId="{each}"/>' for each in STYLES)
    code = '<numFmts><numFmt numFmtId="164" formatCode="0 &quot;Day&quot;"/></numFmts>'
    members = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"/>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{shown}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{pages}'
        f'<Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="s" Type="{OFFICE}/styles" Target="/xl/styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{code}<cellXfs>{formats}</cellXfs></styleSheet>',
    }
    for i, rows in enumerate(sheets, 1):
        members[f"xl/worksheets/s{i}.xml"] = (
            f'<?xml version="1.0"?>{prefix}<worksheet xmlns="{MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
        )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | (more or {})).items():
            archive.writestr(name, content)
    return sink.getvalue()
