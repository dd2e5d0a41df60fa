"""Identifiers come out fresh, of the same shape and as often missing; no name, e-mail or phone number comes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.detect.checks import is_card, is_iban
from synth.table.schema import ColumnKind, ColumnRole
from synth.written.surrogate import Replaced, SurrogateForm
from tests.support.cases import CASES, case, case_of

PAIRS = sorted(path.stem for path in (CASES / "41-not-a-person").glob("*.csv"))


def test_ids_are_fresh_and_distinct_and_keep_their_shape() -> None:
    ids = case("02-leading-zero-ids")
    for name, shape in (("CustomerID", r"\d{8}"), ("contract_no", r"[A-Z]{2}-\d{3}-[A-Z]"), ("patnum", r"[1-9]\d{5}")):
        assert ids.schema[name].kind is ColumnKind.IDENTIFIER
        assert ids.made[name].str.fullmatch(shape).all()
        assert ids.made[name].is_unique
        assert not set(ids.made[name]) & set(ids.real[name])
    assert ids.made["CustomerID"].str.startswith("0").any()
    assert set(ids.made["zip"]) == set(ids.real["zip"])


def test_an_identifier_is_as_often_missing_as_before_and_together_with_the_same() -> None:
    missing = case("34-missing-ids")
    for name in ("passport", "comment"):
        absent = (missing.real[name] == "").mean()
        assert abs((missing.made[name] == "").mean() - absent) < 0.01
    assert not set(missing.made["passport"]) & set(missing.real["passport"]) - {""}
    assert set(missing.made["comment"]) == {"", "[text removed]"}
    both = [((t["passport"] == "") & (t["comment"] == "")).mean() for t in (missing.real, missing.made)]
    assert abs(both[0] - both[1]) < 0.01


def test_nothing_that_says_who_a_patient_is_comes_out() -> None:
    visits = case("31-names-without-id")
    assert visits.schema.with_role(ColumnRole.PERSON) == "E-Mail"
    kinds = {"patient_name": Replaced.NAME, "E-Mail": Replaced.EMAIL, "Telefon": Replaced.PHONE}
    for name, of in kinds.items():
        spec = visits.schema[name]
        assert spec.surrogate is not None
        assert spec.surrogate.of is of
        assert spec.reason
        assert not set(visits.made[name]) & set(visits.real[name])
    assert visits.made["E-Mail"].str.fullmatch(r"[a-z]+\.[a-z]+\d*@example\.org").all()
    assert visits.made["Telefon"].str.fullmatch(r"\+49 30 \d{7}").all()
    held = visits.encoder.to_json()
    words = {word for text in visits.real["patient_name"] for word in text.split() if len(word) > 4}
    assert not any(word in str(held) for word in words)


def test_name_and_e_mail_of_a_record_are_of_one_person() -> None:
    visits = case("31-names-without-id")
    last = visits.made["patient_name"].str.split().str[-1].str.lower()
    local = visits.made["E-Mail"].str.split("@").str[0]
    plain = last.str.fullmatch("[a-z]+")
    assert plain.any()
    assert all(word in text for word, text in zip(last[plain], local[plain], strict=True))


@pytest.mark.parametrize("pair", PAIRS)
def test_a_thing_or_another_beside_a_distinct_id_is_not_the_person(pair: str) -> None:
    own, other = pair.split("-")
    table = case("41-not-a-person", f"{pair}.csv")
    assert table.schema.with_role(ColumnRole.PERSON) is None
    assert table.schema[own].kind is ColumnKind.IDENTIFIER
    assert "repeat" in table.schema[other].reason


def test_the_names_of_those_who_serve_many_repeat_and_are_made_up_too(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    doctors = ["Dr. Anna Weber", "Dr. Peter Wagner", "Dr. Maria Becker", "Dr. Julia Koch"]
    frame = pd.DataFrame({"doctor_name": rng.choice(doctors, 300), "age": rng.integers(18, 90, 300)})
    frame["patient_name"] = [
        f"{a} {b}" for a, b in zip(rng.choice(["Tom", "Mia"], 300), rng.choice(["Bauer", "Klein"], 300), strict=True)
    ]
    clinic = _written(frame, tmp_path)
    for name in ("doctor_name", "patient_name"):
        assert clinic.schema[name].form == SurrogateForm(of=Replaced.NAME)
        assert not set(clinic.made[name]) & set(clinic.real[name])
    assert clinic.made["doctor_name"].nunique() == 4


def test_a_managers_id_is_the_id_of_somebody_in_the_table(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    ids = [f"E{n}" for n in rng.choice(np.arange(10_000, 99_999), 400, replace=False)]
    managers = rng.choice(ids[:30], 400)
    frame = pd.DataFrame({"employee_id": ids, "age": rng.integers(18, 66, 400), "ManagerID": managers})
    frame.loc[:9, "ManagerID"] = None
    staff = _written(frame, tmp_path)
    assert staff.schema.with_role(ColumnRole.PERSON) is None
    present = staff.made["ManagerID"][staff.made["ManagerID"] != ""]
    assert set(present) <= set(staff.made["employee_id"])
    assert 20 <= present.nunique() <= 40
    assert not set(staff.made["employee_id"]) & set(ids)


def test_ids_of_nineteen_digits_come_out_as_such(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": rng.integers(10**18, 9 * 10**18, 300), "age": rng.integers(18, 66, 300)})
    long = _written(frame, tmp_path)
    assert long.made["id"].str.fullmatch(r"[1-9]\d{18}").all()
    assert pd.to_numeric(long.made["id"]).dtype == np.int64
    assert long.made["id"].is_unique


def test_accounts_and_cards_pass_their_checks_and_are_fresh(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "konto": [_iban(n) for n in rng.integers(10**17, 9 * 10**17, 200)],
            "card_number": [_card(n) for n in rng.integers(4 * 10**14, 5 * 10**14, 200)],
            "age": rng.integers(18, 66, 200),
        }
    )
    bank = _written(frame, tmp_path)
    assert bank.made["konto"].map(is_iban).all()
    assert bank.made["card_number"].map(is_card).all()
    for name in ("konto", "card_number"):
        assert not set(bank.made[name]) & set(bank.real[name])


def _iban(number: int) -> str:
    return f"DE{98 - int(f'{number}131400') % 97:02}{number}"


def _card(number: int) -> str:
    return next(text for d in range(10) if is_card(text := f"{number}{d}"))


def _written(frame: pd.DataFrame, folder: object):
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return case_of(path, folder)
