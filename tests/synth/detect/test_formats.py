"""Some thirty kinds of personal data in five countries' formats are found, and what looks like them is not."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from synth.detect import checks, papers, places
from synth.detect.names import is_addressed, names_a_user, share_of_first_names
from synth.detect.propose import propose_schema
from synth.table.schema import ColumnKind
from synth.written.surrogate import PERSONAL, Replaced
from tests.synth.detect import decoys, formats, traps
from tests.synth.detect.headings import OTHER_HEADINGS

COLUMNS = formats.columns()
WITHOUT_A_FORMAT = {"last name", "passport", "driving licence", "phone, digits only", "number plate", "bank account"}
"""In some country these have neither a check digit nor a shape that nothing else has: the heading has to say it."""


def found(heading: str, cells: Sequence[str]) -> Replaced | None:
    """The personal data that a column is proposed to hold, read as intake reads it."""
    texts = pd.Series(cells, name=heading)
    whole = texts.str.fullmatch("[1-9][0-9]{0,17}").all()
    spec = propose_schema(pd.DataFrame({heading: texts.astype("int64") if whole else texts}))[heading]
    return spec.surrogate.of if spec.surrogate is not None and spec.surrogate.of in PERSONAL else None


@pytest.mark.parametrize("kind", formats.KINDS)
def test_every_country_s_columns_of_a_kind_are_found_by_heading_and_values(kind: str) -> None:
    missed = [(country, heading) for k, country, heading, cells in COLUMNS if k == kind and not found(heading, cells)]
    assert not missed


def test_without_headings_all_but_kinds_that_have_no_format_are_found() -> None:
    missed = {kind for kind, _, _, cells in COLUMNS if found("c1", cells) is None}
    assert missed <= WITHOUT_A_FORMAT


def test_other_headings_find_nine_tenths() -> None:
    hits = [found(OTHER_HEADINGS[k][formats.COUNTRIES.index(c)], cells) is not None for k, c, _, cells in COLUMNS]
    assert sum(hits) >= 0.9 * len(hits)


@pytest.mark.parametrize("named", [True, False])
def test_columns_that_only_look_like_personal_data_are_none(named: bool) -> None:
    others = decoys.columns() + traps.columns()
    assert not [(heading, of) for heading, cells in others if (of := found(heading if named else "c1", cells))]


def test_nothing_that_is_found_is_learnt() -> None:
    for kind, _, heading, cells in COLUMNS:
        if found(heading, cells):
            assert propose_schema(pd.DataFrame({heading: cells}))[heading].kind is ColumnKind.IDENTIFIER, kind


@pytest.mark.parametrize(
    "text",
    [
        "123-45-6789",
        "AB 12 34 56 C",
        "12/345/67890",
        "1EG4-TE5-MK73",
        "MORGA657054SM9IJ",
        "A123456780",
        "28 1234567840",
    ],
)
def test_formats_of_papers(text: str) -> None:
    assert papers.is_paper(text)


@pytest.mark.parametrize(
    "text", ["123-456-789", "A123456781", "281234567841", "171/90", "01/02/2003", "RE/6469/0089", "SEG4-TE5-MK73", ""]
)
def test_what_is_no_paper(text: str) -> None:
    assert not papers.is_paper(text)


@pytest.mark.parametrize(
    "text", ["20041 01005 0500013M026 06", "2100-0418-45-0200051332", "20-00-00 55779911", "021000021 1234567890"]
)
def test_bank_accounts_with_a_check(text: str) -> None:
    assert papers.is_account(text)


@pytest.mark.parametrize("text", ["20041 01005 0500013M026 07", "2100-0418-46-0200051332", "021000022 1234567890"])
def test_a_wrong_check_is_no_account(text: str) -> None:
    assert not papers.is_account(text)


@pytest.mark.parametrize("text", ["00:1A:2b:3C:4d:5E", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e"])
def test_network_cards(text: str) -> None:
    assert papers.is_mac(text)
    assert not papers.is_mac(text[:-1])


def test_vehicles_and_telephones() -> None:
    assert papers.is_vin("1HGBH41JXMN109186")
    assert not papers.is_vin("1HGBH41JXMN10918O")
    assert papers.is_imei("490154203237518")
    assert not papers.is_imei("490154203237519")


@pytest.mark.parametrize(
    "text",
    [
        "Lindenstr. 30", "Birkenring 5", "12 allée des Tilleuls", "C/ Mayor, 3", "Ctra. de Burgos, 119", "4 Abbey Mews",
        "Am Mühlbach 56, 20095 Hamburg", "7 Kingsway, York YO1 7HH", "100 Broadway, Boise, ID 83702-1234",
    ],
)  # fmt: skip
def test_addresses(text: str) -> None:
    assert places.is_address(text)


@pytest.mark.parametrize("text", ["aisle 4", "Model 56", "2 by 4, oak", "12 pcs, box", "Lindenstr.", "v1.2, build 33"])
def test_no_addresses(text: str) -> None:
    assert not places.is_address(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("48.13743, 11.57549", True), ("(-33.8688;151.2093)", True), ("95.1234, 11.5754", False), ("1.2, 3.4", False)],
)
def test_places_on_the_map(text: str, is_one: bool) -> None:
    assert places.is_place(text) is is_one


def test_a_number_within_germany_france_or_britain_begins_with_0() -> None:
    assert checks.phone_region(["030 23125678"])[0] == 1
    assert checks.phone_region(["178-6772-55"])[0] == 0


def test_titles_first_names_and_users() -> None:
    assert all(map(is_addressed, ["Dr. Weber", "Mme Petit", "M. Durand", "Frau Jutta Rohwer", "Sra. Pons"]))
    assert not any(map(is_addressed, ["M Durand", "Drama", "Sirup", "Herrenberg", "Miss"]))
    assert share_of_first_names([f"{a} Central" for a in ("Victoria", "Jackson", "Paris")] * 9) == 0
    assert all(map(names_a_user, ["anna77", "p.weber", "weber_an", "thomasb"]))
    assert not any(map(names_a_user, ["Anna", "anna weber", "report_12", "v1.2"]))
