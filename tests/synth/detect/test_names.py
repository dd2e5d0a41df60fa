"""Codes are no names, and half a name says of nobody who it is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pandas as pd
import pytest

from synth.detect.propose import propose_schema
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from synth.written.surrogate import Replaced

LAST = [
    "Weber",
    "Wagner",
    "Becker",
    "Koch",
    "Bauer",
    "Klein",
    "Wolf",
    "Neumann",
    "Schwarz",
    "Braun",
    "Hofmann",
    "Zimmermann",
    "Hartmann",
    "Lange",
]
LAST += [
    "Schmitt",
    "Werner",
    "Krause",
    "Meier",
    "Lehmann",
    "Köhler",
    "Maier",
    "Huber",
    "Fuchs",
    "Peters",
    "Lang",
    "Scholz",
    "Möller",
    "Weiß",
]
FIRST = [
    "Anna",
    "Peter",
    "Maria",
    "Thomas",
    "Julia",
    "Stefan",
    "Claudia",
    "Andreas",
    "Sabine",
    "Michael",
    "Monika",
    "Wolfgang",
    "Petra",
    "Jürgen",
]
FIRST += [
    "Renate",
    "Klaus",
    "Helga",
    "Günter",
    "Karin",
    "Horst",
    "Brigitte",
    "Dieter",
    "Ursula",
    "Manfred",
    "Ingrid",
    "Werner",
    "Erika",
    "Hans",
]


def proposed(**cells: Sequence[str]) -> TableSchema:
    return propose_schema(pd.DataFrame(cells))


def drawn(among: Sequence[str], seed: int) -> list[str]:
    random = Random(seed)
    return [random.choice(among) for _ in range(300)]


def of(schema: TableSchema, name: str) -> Replaced | None:
    surrogate = schema[name].surrogate
    return surrogate.of if surrogate is not None else None


@pytest.mark.parametrize("code", ["PAT-{:04}", "K{:05}", "MA{}", "AB-{}-X"])
@pytest.mark.parametrize("heading", ["Patient", "Kunde", "Mitarbeiter", "Name", "patient_name"])
@pytest.mark.parametrize("each", [3, 8])
def test_codes_that_repeat_are_codes_and_the_person(heading: str, code: str, each: int) -> None:
    schema = proposed(**{heading: [code.format(i) for i in range(60) for _ in range(each)]})
    assert schema[heading].kind is ColumnKind.IDENTIFIER
    assert of(schema, heading) is Replaced.CODE
    assert schema.with_role(ColumnRole.PERSON) == heading


@pytest.mark.parametrize("ending", ["", " 2", "3"])
def test_names_with_a_number_behind_are_names(ending: str) -> None:
    names = [f"{a} {b}{ending}" for a, b in zip(drawn(FIRST, 0), drawn(LAST, 1), strict=True)]
    schema = proposed(Patient=names)
    assert of(schema, "Patient") is Replaced.NAME
    assert schema.with_role(ColumnRole.PERSON) == "Patient"


@pytest.mark.parametrize("headings", [("Name", "Vorname"), ("Nom", "Prénom"), ("cognome", "nome"), ("name", "Nombre")])
def test_a_last_name_beside_a_first_name_is_neither_a_full_name_nor_the_person(headings: tuple[str, str]) -> None:
    last, first = headings
    schema = proposed(**{last: drawn(LAST, 0), first: drawn(FIRST, 1)})
    assert (of(schema, last), of(schema, first)) == (Replaced.LAST_NAME, Replaced.FIRST_NAME)
    assert schema.with_role(ColumnRole.PERSON) is None


def test_last_names_of_two_words_beside_first_names_are_last_names() -> None:
    both = [f"{a} {b}" for a, b in zip(drawn(LAST, 0), drawn(LAST, 2), strict=True)]
    assert of(proposed(Name=both, Vorname=drawn(FIRST, 1)), "Name") is Replaced.LAST_NAME


def test_a_full_name_beside_a_first_name_is_a_full_name_and_the_person() -> None:
    first = drawn(FIRST, 1)
    schema = proposed(Vorname=first, Name=[f"{a} {b}" for a, b in zip(first, drawn(LAST, 0), strict=True)])
    assert of(schema, "Name") is Replaced.NAME
    assert schema.with_role(ColumnRole.PERSON) == "Name"


@pytest.mark.parametrize(("cells", "part"), [(LAST, Replaced.LAST_NAME), (FIRST, Replaced.FIRST_NAME)])
def test_single_words_in_a_column_called_name_are_parts_of_names(cells: list[str], part: Replaced) -> None:
    schema = proposed(Name=drawn(cells, 0))
    assert of(schema, "Name") is part
    assert schema.with_role(ColumnRole.PERSON) is None


RARE_LAST = ["Ahrens", "Bräuer", "Claußen", "Diekmann", "Hüttner", "Kröger", "Mückner", "Zöllner"]


@pytest.mark.parametrize("heading", ["Nachname", "Vorname", "last_name", "Apellidos", "Patient Name", "doctor_name"])
def test_few_names_that_no_list_knows_are_names_where_the_heading_says_whose(heading: str) -> None:
    whole = "atient" in heading or "doctor" in heading
    cells = [f"Ortrud {name}" if whole else name for name in RARE_LAST]
    frame = pd.DataFrame({heading: cells * 30, "age": range(240)})
    form = propose_schema(frame)[heading].surrogate
    assert form is not None
    assert form.of in {Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME}


@pytest.mark.parametrize("heading", ["name", "nombre", "product_name", "Patient Group", "customer_type"])
def test_few_words_are_categories_where_the_heading_may_speak_of_things(heading: str) -> None:
    frame = pd.DataFrame({heading: ["Lavender Soap", "Oatmeal Bar", "Citrus Scrub"] * 80, "age": range(240)})
    assert propose_schema(frame)[heading].kind is ColumnKind.CATEGORICAL
