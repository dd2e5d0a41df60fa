"""Numbers that repeat and name a case or a person are codes; amounts that repeat are amounts."""

from __future__ import annotations

from random import Random

import pandas as pd
import pytest

from synth.detect.identifiers import is_called_identifier
from synth.detect.propose import propose_schema
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.surrogate import Replaced

HEADINGS = """Fallnummer|Fall-Nr.|Aufnahmenummer|Aktenzeichen|Personalnummer|Mitgliedsnummer|Auftragsnummer|
Rechnungsnummer|Matrikelnummer|Numéro de dossier|N° dossier|Accession Number|Chart #|Proband|Pseudonym"""
BY_WORDS = [heading.strip() for heading in HEADINGS.split("|")]
NO_IDENTIFIERS = ["Número de hijos", "numero de pedidos", "fall risk", "rechnung", "number of cases", "no. of visits"]


def repeated(low: int, high: int, *, distinct: int = 60, each: int = 8, step: int = 1) -> list[int]:
    """Distinct numbers, each in so many records."""
    return [step * number for number in Random(1).sample(range(low, high), distinct) for _ in range(each)]


def proposed(heading: str, cells: list[int] | list[str]) -> ColumnSpec:
    return propose_schema(pd.DataFrame({heading: cells, "age": [i % 90 for i in range(len(cells))]}))[heading]


@pytest.mark.parametrize("heading", [*BY_WORDS, "encounter", "Barcode", "x"])
def test_numbers_of_one_length_far_apart_are_codes_however_they_repeat(heading: str) -> None:
    spec = proposed(heading, repeated(10_000_000, 100_000_000))
    assert spec.kind is ColumnKind.IDENTIFIER
    assert spec.surrogate is not None
    assert spec.surrogate.of is Replaced.CODE
    assert spec.reason


def test_codes_that_only_their_values_tell_come_with_a_doubt() -> None:
    assert "--kind x=numerical" in proposed("x", repeated(10_000_000, 100_000_000)).doubt


def test_codes_beside_a_marker_of_missing_values_are_codes() -> None:
    cells = [*map(str, repeated(10_000_000, 100_000_000)), *["unknown"] * 10]
    assert proposed("x", cells).kind is ColumnKind.IDENTIFIER


@pytest.mark.parametrize(
    "cells",
    [
        repeated(100_000, 1_000_000, step=100),  # round
        [1_000 * number - 1 for number in repeated(20, 90)],  # prices
        repeated(20_230_000, 20_230_100),  # close together
        repeated(100, 100_000),  # of several lengths
        repeated(1_000, 10_000),  # short
        repeated(10_000_000, 100_000_000, distinct=19),  # few
        repeated(10_000_000, 100_000_000, distinct=300, each=1),  # once each
    ],
)
def test_amounts_that_lack_one_sign_of_codes_stay_numerical(cells: list[int]) -> None:
    assert proposed("x", cells).kind is ColumnKind.NUMERICAL


@pytest.mark.parametrize("heading", BY_WORDS)
def test_numbers_of_cases_are_called_identifiers(heading: str) -> None:
    assert is_called_identifier(heading)


@pytest.mark.parametrize("heading", NO_IDENTIFIERS)
def test_counts_are_not(heading: str) -> None:
    assert not is_called_identifier(heading)


def visits(people: int, *, most: int = 40, same: int = 0) -> pd.DataFrame:
    """People with several visits each, numbered from 1 on; with `same`, as many each."""
    random = Random(3)
    held = [same or min(most, 1 + int(random.expovariate(0.08))) for _ in range(people)]
    rows = [(1_000 + person, number + 1) for person, count in enumerate(held) for number in range(count)]
    return pd.DataFrame(rows, columns=["patient_id", "visit_no"]).assign(
        weight=[60.5 + i % 30 for i in range(len(rows))]
    )


@pytest.mark.parametrize("heading", ["visit_no", "visit_number", "record_id", "Fall-Nr."])
@pytest.mark.parametrize("same", [0, 25])
def test_numbers_that_begin_anew_for_each_person_are_no_identifiers(heading: str, same: int) -> None:
    table = visits(300, same=same).rename(columns={"visit_no": heading})
    schema = propose_schema(table)
    assert schema["patient_id"].kind is ColumnKind.IDENTIFIER
    assert schema[heading].kind is ColumnKind.NUMERICAL
    assert f"--kind {heading}=identifier" in schema[heading].doubt


def test_a_few_visits_that_are_not_there_change_nothing() -> None:
    table = visits(300)
    second = table.index[table["visit_no"] == 2]
    assert propose_schema(table.drop(second[:3]))["visit_no"].kind is ColumnKind.NUMERICAL


@pytest.mark.parametrize("heading", ["visit_no", "account_no", "case_id", "patient_no", "customer_id"])
@pytest.mark.parametrize("same", [0, 3, 40])
def test_identifiers_that_count_from_one_stay_identifiers(heading: str, same: int) -> None:
    """However many records each has, as many or as it happens."""
    random = Random(4)
    cells = [number + 1 for number in range(60) for _ in range(same or random.randint(1, 9))]
    assert proposed(heading, cells).kind is ColumnKind.IDENTIFIER


@pytest.mark.parametrize("heading", ["patient_no", "customer_id", "Kundennummer"])
def test_numbers_that_are_called_a_persons_stay_identifiers(heading: str) -> None:
    table = visits(300).rename(columns={"visit_no": heading})
    assert propose_schema(table)[heading].kind is ColumnKind.IDENTIFIER
