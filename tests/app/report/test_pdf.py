"""The PDF: the page's words in its order, tagged, with numbers and hashes, and names that stay names."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.report.markup import parsed
from app.report.page import render
from app.report.paper import blocks_of
from app.report.pdf import render_pdf
from tests.privacy.test_policy import result
from tests.support.pdf import opened, squeezed, text_of
from tests.support.reports import document

SHA256 = hashlib.sha256(b"report").hexdigest()
HOSTILE = (
    '#set page(fill: red) #read("/etc/passwd") *b* _i_ $x^2$ <script>alert("x")</script> @preview/x:1.0.0 `raw` '
    "// no comment /* nor this */ \\u{41} = heading [x] #panic() \ue0000\ue001"
)


@cache
def small() -> dict[str, Any]:
    return document(result(**{"linkability.k1": (0.2, 0.15, 0.25)}), created_at="2026-11-22T13:40:11+00:00")


@cache
def made() -> bytes:
    return render_pdf(small(), SHA256)


def test_it_is_tagged_and_says_in_which_language_it_is_and_what_it_is() -> None:
    root = opened(made()).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert "/StructTreeRoot" in root
    assert b"pdfuaid:part" in made()
    assert opened(made()).metadata.title == "BLOCK: people.csv (Lookalike report)"


def test_all_its_fonts_are_in_it() -> None:
    fonts = {name: font.get_object() for page in opened(made()).pages for name, font in _fonts(page).items()}
    assert fonts
    for font in fonts.values():
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        descriptor = inner["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
        assert "DejaVuSans" in font["/BaseFont"]


def _fonts(page: Any) -> dict[str, Any]:
    return page["/Resources"].get("/Font", {})


def test_each_page_has_its_number_and_the_hash_of_the_document() -> None:
    pages = opened(made()).pages
    for number, page in enumerate(pages, start=1):
        text = page.extract_text()
        assert f"Page {number} of {len(pages)}" in text
        assert SHA256 in text


def test_it_has_a_table_of_contents_and_bookmarks(headings: list[str]) -> None:
    reader = opened(made())
    assert [each.title for each in reader.outline if not isinstance(each, list)] == headings
    first = squeezed(reader.pages[0].extract_text() + reader.pages[1].extract_text())
    for heading in headings:
        assert f"{squeezed(heading)}..." in first


@pytest.fixture(scope="module")
def headings() -> list[str]:
    elements = [each for each in parsed(render(small())).all() if each.tag == "h2" and "verdict" not in each.classes]
    return [each.text() for each in elements]


def test_the_words_of_the_page_are_in_it_in_the_same_order(headings: list[str]) -> None:
    text = squeezed(text_of(made()).partition("Contents")[2])
    places = [text.rindex(squeezed(heading)) for heading in headings[1:]]
    assert places == sorted(places)
    whole = squeezed(text_of(made()))
    for finding in small()["findings"]:
        assert squeezed(finding["title"].partition(": ")[2][1:]) in whole
    for line in [small()["verdict"]["meaning"], small()["verdict"]["statement"], *small()["not_covered"]]:
        assert squeezed(line) in whole
    for row in small()["criteria"]:
        assert squeezed(row["criterion"]) in whole


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render_pdf(small(), SHA256) == made()


def test_whatever_a_name_says_it_is_only_read(document: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(document).replace("hours_per_week", json.dumps(HOSTILE)[1:-1]))
    hostile["run"]["dataset_name"] = HOSTILE
    hostile["training"]["warnings"] = [HOSTILE, "\u202e\x00\u200b" + "W" * 400, "\U00013000 \ue123"]
    text = squeezed(text_of(render_pdf(hostile, SHA256)))
    shown = squeezed(HOSTILE.replace("\ue000", "\ufffd").replace("\ue001", "\ufffd"))
    assert text.count(shown) >= 2
    assert text.count("W") > 400
    assert "root:" not in text
    assert "U+13000U+E123" in text  # no font has these: a box could be any letter


def test_the_data_of_charts_and_links_of_the_screen_are_left_to_the_page(document: dict[str, Any]) -> None:
    page = render(document)
    blocks = json.dumps(blocks_of(page))
    assert "Data of this chart" not in blocks
    assert "Skip to the questions" not in blocks
    assert blocks.count('"t": "figure"') == page.count("<figure") > len(document["fidelity"]["marginals"])


def test_the_source_that_is_set_loads_nothing() -> None:
    source = Path("app/report/templates/paper.typ").read_text(encoding="utf-8")
    for word in ("#import", "#include", "@preview", "read(", "plugin(", "eval("):
        assert word not in source


NEW = """<h2>New</h2><h4>Deep</h4><h3></h3><div><p>Said <b>here</b>.</p></div><ul></ul>
<table><thead><tr><th>a</th><th>b</th></tr></thead>
<tbody><tr><td>one cell</td></tr><tr><td colspan="2">both</td></tr></tbody></table>
<table><tr><td rowspan="2">high</td><td>1</td></tr><tr><td>2</td></tr></table>
<figure><svg class="chart" viewBox="0 0 9 9"><path d="M0 0H9" style="stroke: var(--real, #0072b2)"/></svg></figure>"""


def test_a_section_that_is_new_on_the_page_comes_into_the_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [block["t"] for block in blocks_of(NEW)] == ["h", "h", "p", "list", "table", "table", "figure"]
    monkeypatch.setattr("app.report.pdf.render", lambda _document: NEW)
    made = render_pdf(small(), SHA256)
    assert b"pdfuaid:part" in made
    assert all(word in text_of(made) for word in ("New", "Deep", "Said here.", "one cell", "both", "high"))
