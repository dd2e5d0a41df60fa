"""What is passed on discloses no real row: planted rare values and extremes are in none of its three forms."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import jsonschema_rs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.report.audience import Audience, Kind
from app.report.audit_model import FindingPart
from app.report.coarse import FEWEST, bins, categories, down, interval, rounded, said, up
from app.report.document import build, schema
from app.report.findings_view import groups
from app.report.model import Report
from app.report.page import render
from app.report.rendition import rendition
from app.report.rules import GONE, About, Each, Fields, left_out
from app.report.share import ShareError, shareable
from app.report.share_fields import DOCUMENT
from synth.detect.propose import propose_schema
from tests.app.report.reader import Reader
from tests.app.report.samples import described
from tests.support.pdf import text_of
from tests.support.reports import judged

LONE, FEW, MANY = "Zyzzyva", "Quokkaville", "Mumbletown"
"""Categories of one person, of seven and of hundreds."""
LOWEST, HIGHEST = -43210.5, 987654.25
LAST_DAY = "2091-07-19"
EXTREMES = ("987654", "987,654", "987 654", "43210", "43,210", LAST_DAY)
SECRETS = (LONE, FEW, *EXTREMES, "row 4711", "people_2024.csv", "Erika")


@cache
def planted() -> dict[str, Any]:
    """The internal document of a small table with rare values and extremes, through the real assessment."""
    rng = np.random.default_rng(3)

    def people(rows: int) -> pd.DataFrame:
        income = np.round(rng.normal(40_000, 9_000, rows), 2)
        town = rng.choice([MANY, "Bigton", "Midham"], rows, p=[0.6, 0.3, 0.1])
        joined = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, rows), unit="D")
        return pd.DataFrame({"income": income, "town": town, "joined": joined})

    train, holdout, reference, synthetic = (people(600) for _ in range(4))
    train.loc[0, ["income", "town", "joined"]] = [HIGHEST, LONE, pd.Timestamp(LAST_DAY)]
    train.loc[1, "income"] = LOWEST
    train.loc[2:8, "town"] = FEW
    parts = described([train, holdout, reference, synthetic], propose_schema(train, target="town"))
    document = build(**parts, **judged())
    _tell_more(document)
    return document


def _tell_more(document: dict[str, Any]) -> None:
    """Secrets wherever a stage could put one into a document."""
    marginal = next(each for each in document["fidelity"]["marginals"] if each["column"] == "income")
    marginal["edges"][0], marginal["edges"][-1] = LOWEST, HIGHEST
    marginal["edge_labels"][0], marginal["edge_labels"][-1] = "-43,210.5", "987,654.25"
    marginal["labels"][-1] = "row 4711, 987,654.25"
    document["run"].update(dataset_name="people_2024.csv", reading=[f"town: missing {LONE}"])
    document["verdict"]["reasons"].append(f"Column town, {LONE}, row 4711.")
    document["verdict"]["modes"][1]["reasons"] = [f"{FEW} was found."]
    document["questions"][0]["sentence"] += f" {LONE} of people_2024.csv."
    document["questions"][0]["reasons"] = [f"{LONE}: 1 record."]
    document["findings"][0].update(note=f"row 4711 has {LONE}", details={f"excess[{FEW}]": 7.0})
    absent = {"value": None, "lower": None, "upper": None, "reason": f"Only {LONE} has it."}
    document["findings"][5].update(status="not_applicable", figure=absent)
    document["training"].update(warnings=[f"{LONE} is rare"], stopped_because="Erika stopped it", device="Erika's GPU")
    document["protocol"]["options"] = {"conditions": {"town": LONE}, "policy": "internal", "seed": 4711}
    document["protocol"]["split"].append({"name": "people", "value": "row 4711"})
    document["protocol"]["hashes"].append({"name": "people_2024.csv", "value": "e" * 64})
    document["protocol"]["sizes"].append({"name": f"records with {FEW}", "value": "7"})
    document["fidelity"]["utility_note"] = f"Classification of {LONE}."


@cache
def passed_on(kind: Kind) -> bytes:
    return rendition(json.dumps(planted()).encode(), Audience.SHAREABLE, kind)


def words_of(kind: Kind) -> str:
    made = passed_on(kind)
    if kind is Kind.PDF:
        return text_of(made)
    return Reader(made.decode()).text + made.decode() if kind is Kind.HTML else json.dumps(json.loads(made))


def test_the_plants_are_in_the_internal_document() -> None:
    internal = json.dumps(planted(), ensure_ascii=False)
    assert [secret for secret in SECRETS if secret not in internal] == ["987 654", LAST_DAY]


@pytest.mark.parametrize("kind", Kind)
def test_nothing_planted_is_passed_on(kind: Kind) -> None:
    words = words_of(kind)
    assert [secret for secret in SECRETS if secret in words or secret in words.replace("\n", " ")] == []
    assert MANY in words
    for hidden in ("c" * 64, "d" * 64, "ds_1", "mdl_1"):  # upload and split by hash, data set and model by name
        assert hidden not in words


def test_what_is_passed_on_is_a_document_of_the_same_schema() -> None:
    shared = json.loads(passed_on(Kind.JSON))
    jsonschema_rs.validate(schema(), shared)
    assert shared["audience"] == "shareable"
    assert shareable(shared) == shared
    assert shared["verdict"]["verdict"] == planted()["verdict"]["verdict"]
    assert [row["mark"] for row in shared["questions"]] == [row["mark"] for row in planted()["questions"]]


def test_figures_have_two_digits_and_no_cell_has_few_people() -> None:
    shared = json.loads(passed_on(Kind.JSON))
    for marginal in shared["fidelity"]["marginals"]:
        for share in [*marginal["real"], *(rest["real"] for rest in marginal["rest"])]:
            assert share == rounded(share)
            assert share * 540 >= FEWEST * 0.95  # as rounded
    assert {size["value"] for size in shared["protocol"]["sizes"]} == {"600", "9,000"}
    lengths = [_digits(finding["figure"]["value"]) for finding in shared["findings"]]
    assert sum(length <= 2 for length in lengths) > 0.9 * len(lengths)


def _digits(value: float | None) -> int:
    return 0 if value is None else len(f"{value:.10g}".split("e")[0].replace("-", "").replace(".", "").strip("0"))


def test_two_digits_change_nothing_that_a_limit_says(document: dict[str, Any]) -> None:
    internal, shared = document, shareable(document)
    marks = [
        [row.position.text for group in groups(map(FindingPart.model_validate, each["findings"])) for row in group.rows]
        for each in (internal, shared)
    ]
    few = sum(finding["figure"]["value"] is not None and finding["n"] < FEWEST for finding in internal["findings"])
    assert sum(a != b for a, b in zip(*marks, strict=True)) <= few
    for before, after in zip(internal["findings"], shared["findings"], strict=True):
        if after["figure"]["lower"] is not None:
            assert after["figure"]["lower"] <= before["figure"]["lower"]
            assert after["figure"]["upper"] >= before["figure"]["upper"]


def test_every_field_of_the_document_has_a_rule() -> None:
    assert list(_without_rule(Report, DOCUMENT)) == [], (
        "app/report/share_fields.py: say what a recipient may see of these fields, or leave them out"
    )


def _without_rule(part: type[BaseModel], rules: Any, path: str = "") -> Any:
    rules = rules.rule if isinstance(rules, Each) else rules
    if not isinstance(rules, Fields):
        return  # a rule that takes all of it
    for name, field in part.model_fields.items():
        if name not in rules.rules:
            yield f"{path}{name}"
        elif (inner := _part_in(field.annotation)) is not None:
            yield from _without_rule(inner, rules.rules[name], f"{path}{name}.")


def _part_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    is_nested = get_origin(annotation) in {list, tuple, dict, Union, UnionType}
    return next((part for each in get_args(annotation) if (part := _part_in(each))), None) if is_nested else None


def test_a_field_that_nobody_thought_of_is_not_passed_on() -> None:
    document = deepcopy(planted())
    for part in (document, document["run"], document["findings"][3], document["fidelity"]["marginals"][0]):
        part["novel"] = LONE
    document["fidelity"]["scores"][0]["synthetic"]["novel"] = LONE
    assert LONE not in json.dumps(DOCUMENT(document, About(people=540)))
    assert left_out(LONE, About(people=540)) is GONE


def test_shares_stay_inside_where_a_person_may_have_several_records() -> None:
    document = deepcopy(planted())
    document["protocol"]["options"]["person"] = "id"
    assert shareable(document)["fidelity"]["marginals"] == []


def test_a_person_column_of_the_schema_counts_as_one_of_the_job() -> None:
    document = deepcopy(planted())
    document["protocol"]["columns"].append({"name": "patient", "value": "identifier, person"})
    assert shareable(document)["fidelity"]["marginals"] == []


def test_what_is_left_out_is_not_called_unmeasured_nor_what_was_not_measured_few() -> None:
    document = deepcopy(planted())
    measured = [each for each in document["findings"] if each["figure"]["value"] is not None]
    measured[0]["n"] = 7
    page = render(shareable(document))
    assert "Left out: it rests on fewer than 20 records." in page
    assert "not measured: Left out" not in page
    assert "not measured: the audit kept" not in page
    assert page.count("fewer than 20</td>") == 1


def test_how_far_a_column_is_off_does_not_tell_how_many_have_what_is_hidden() -> None:
    """Nobody but real people has the hidden category, so that they alone are what the column is off by."""
    told = set()
    for few in range(1, 13):
        document = deepcopy(planted())
        marginal = next(each for each in document["fidelity"]["marginals"] if each["column"] == "town")
        marginal["gap"] = {"synthetic": few / 540, "floor": few / 540}
        marginal["score"]["value"] = marginal["floor"]["value"] = 1 - few / 540
        (shared,) = (each for each in shareable(document)["fidelity"]["marginals"] if each["column"] == "town")
        told.add(json.dumps([shared["gap"], shared["score"], shared["floor"]]))
    assert len(told) == 1


@pytest.mark.parametrize("document", [{}, {"format": "lookalike.report/1"}, {"format": "x", "novel": 1}])
def test_what_is_no_report_is_not_passed_on(document: dict[str, Any]) -> None:
    with pytest.raises(ShareError):
        shareable(document)


shares = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@given(counts=shares, missing=st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_hidden_categories_are_twenty_people_together(counts: list[int], missing: int) -> None:
    people = sum(counts) + missing
    names = [f"c{i}" for i in range(len(counts) - 1)] + ["(other)"]
    rest = [{"label": "(missing)", "real": missing / max(people, 1), "synthetic": 0.5}] if missing else []
    part = {
        "labels": names,
        "real": [n / max(people, 1) for n in counts],
        "synthetic": [0.0] * len(counts),
        "rest": rest,
    }
    shown = categories(part, people)
    if shown is None:
        return
    told = dict(zip(shown["labels"], shown["real"], strict=True))
    hidden = [n for name, n in zip(names, counts, strict=True) if name not in told or name == "(other)"]
    assert not hidden or sum(hidden) + (missing if not shown["rest"] else 0) >= FEWEST
    assert all(round(share * people) >= FEWEST * 0.95 for share in told.values())


@given(counts=st.lists(st.integers(0, 60), min_size=2, max_size=12), missing=st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_no_bin_holds_fewer_than_twenty_people_and_none_has_an_end(counts: list[int], missing: int) -> None:
    people = max(sum(counts) + missing, 1)
    edges = [10.0 * i for i in range(len(counts) + 1)]
    part = {
        "real": [n / people for n in counts],
        "synthetic": [1 / len(counts)] * len(counts),
        "edges": edges,
        "edge_labels": [f"{edge:g}" for edge in edges],
        "rest": [{"label": "(missing)", "real": missing / people, "synthetic": 0.0}] if missing else [],
    }
    shown = bins(part, people)
    if shown is None:
        return
    assert len(shown["edges"]) == len(shown["labels"]) + 1 == len(shown["real"]) + 1
    assert shown["edges"] == sorted(set(shown["edges"]))
    cells = [*shown["real"], *(rest["real"] for rest in shown["rest"])]
    assert all(round(share * people) >= FEWEST * 0.95 for share in cells)
    assert shown["labels"][0].startswith("under ") or shown["rest"][0]["label"] != "(missing)"
    assert not {"0", f"{edges[-1]:g}"} & {word for label in shown["labels"] for word in label.split()}


@given(value=st.floats(-1e6, 1e6, allow_nan=False), digits=st.integers(1, 6))
def test_rounding_outwards_never_moves_inwards(value: float, digits: int) -> None:
    assert down(value, digits) <= value <= up(value, digits)


def test_an_end_stays_on_its_side_of_a_limit() -> None:
    assert interval(0.512, 0.5031, 0.5497, [0.55]) == [0.51, 0.5, 0.55]
    low, high = interval(0.56, 0.5504, 0.57, [0.55])[1:]
    assert (low, high) == (0.5504, 0.57)  # two digits would say that it is not above
    assert said("With 12,210 of 27841 records, 95 % and k = 5.") == "With 12,000 of 28,000 records, 95 % and k = 5."


def test_the_words_of_a_shareable_page_say_what_it_is() -> None:
    text = Reader(passed_on(Kind.HTML).decode()).text
    assert re.search(r"for whoever receives the file", text)
    assert "do not pass it on" not in text
