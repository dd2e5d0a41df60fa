"""Whatever kind of personal data a table holds, fresh values of the same kind stand for it."""

from __future__ import annotations

import csv

import pytest

from synth.detect.checks import is_card, is_iban
from synth.detect.papers import is_imei, is_mac
from synth.detect.places import is_place
from synth.written.surrogate import PERSONAL, Replaced
from tests.support.cases import Case, case_of
from tests.synth.detect import formats

TOLD = {"card number": is_card, "IBAN": is_iban, "MAC address": is_mac, "IMEI": is_imei, "coordinates": is_place}


@pytest.fixture(scope="module", params=formats.COUNTRIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Case]:
    """A table of one country's columns, and one like it."""
    folder = tmp_path_factory.mktemp("formats")
    columns = [(heading, cells) for _, country, heading, cells in formats.columns() if country == request.param]
    with (folder / "input.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["group", *(heading for heading, _ in columns)])
        writer.writerows(zip([i % 7 for i in range(formats.RECORDS)], *(cells for _, cells in columns), strict=True))
    return request.param, case_of(folder / "input.csv", folder)


def test_no_value_comes_out_and_fresh_ones_are_of_the_same_kind(made: tuple[str, Case]) -> None:
    country, case = made
    for kind, of_country, heading, cells in formats.columns():
        if of_country != country:
            continue
        surrogate = case.schema[heading].surrogate
        assert surrogate is not None, kind
        assert surrogate.of in PERSONAL - {Replaced.TEXT}
        written = case.made[heading]
        assert set(written).isdisjoint(cells), kind
        if kind in TOLD:
            assert written.map(TOLD[kind]).mean() > 0.9, kind
