"""Columns that name people are not proposed to be learnt, however they repeat; other columns keep their kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.detect.propose import is_called_identifier, propose_schema
from synth.table.schema import ColumnKind, ColumnRole

NAMING = """id ID Id patient_id patientId PatientID patientid customerID user_uuid ssn patient customer client_no iban
account_number email email_address phone2 passport_no driver_license_number licenceNumber medical_record_number
id_client policyHolderId social_security_number"""
DESCRIBING = """width paid humid valid covid grid amount age number_of_accounts account_length zip_code PhoneService
customer_age email_count policy tax home_value health_score number index education revenue_per_visit tailnum contact"""


def visits(records: int = 12_000, patients: int = 1200) -> pd.DataFrame:
    r = np.random.default_rng(0)
    who = np.sort(np.r_[np.arange(patients), r.integers(0, patients, records - patients)])
    return pd.DataFrame({"who": 100_000 + 7 * who, "dose": r.integers(1, 500, records)})


@pytest.mark.parametrize("name", NAMING.split())
def test_names_that_identify_are_known(name: str) -> None:
    assert is_called_identifier(name)


@pytest.mark.parametrize("name", DESCRIBING.split())
def test_names_that_merely_look_alike_are_not(name: str) -> None:
    assert not is_called_identifier(name)


@pytest.mark.parametrize("as_type", [int, float, str])
@pytest.mark.parametrize("name", ["patient_id", "CustomerId", "ssn"])
def test_an_identifier_that_repeats_says_whom_records_are_about(name: str, as_type: type) -> None:
    table = visits().rename(columns={"who": name})
    table[name] = table[name].astype(as_type)
    proposed = propose_schema(table)
    assert (proposed[name].kind, proposed[name].role) == (ColumnKind.IDENTIFIER, ColumnRole.PERSON)
    assert proposed["dose"].kind is ColumnKind.NUMERICAL


def test_one_identifier_becomes_the_person_and_best_the_one_called_so() -> None:
    table = visits().rename(columns={"who": "patient_id"})
    table.insert(0, "ward_id", table["patient_id"] // 350)
    table.insert(0, "visit_id", np.arange(12_000) * 3)
    table.insert(0, "phone", table["patient_id"] // 14)
    proposed = propose_schema(table)
    assert proposed.with_role(ColumnRole.PERSON) == "patient_id"
    assert set(proposed.of_kind(ColumnKind.IDENTIFIER)) == {"phone", "visit_id", "patient_id"}
    assert proposed["ward_id"].kind is ColumnKind.CATEGORICAL
    assert propose_schema(table[["phone", "visit_id", "dose"]]).with_role(ColumnRole.PERSON) is None


@pytest.mark.parametrize(
    ("name", "column", "kind"),
    [
        ("type_id", np.arange(1000) % 15, ColumnKind.NUMERICAL),
        ("type_id", [f"t{i % 15}" for i in range(1000)], ColumnKind.CATEGORICAL),
        ("humid", np.arange(1000) % 90, ColumnKind.NUMERICAL),
        ("temp_id", np.arange(1000) % 90 + 0.5, ColumnKind.NUMERICAL),
        ("native_country", [f"c{int(i**0.5)}" for i in range(1000)], ColumnKind.CATEGORICAL),
        ("tail", [f"N{i % 400}" for i in range(9000)], ColumnKind.CATEGORICAL),
        ("remark", ["none"] * 450 + [f"said {i}" for i in range(550)], ColumnKind.IDENTIFIER),
    ],
)
def test_codes_measures_and_categories_stay_what_they_are(name: str, column: object, kind: ColumnKind) -> None:
    spec = propose_schema(pd.DataFrame({name: column}))[name]
    assert (spec.kind, spec.role) == (kind, ColumnRole.FEATURE)


def test_the_target_is_never_the_person() -> None:
    table = visits().rename(columns={"who": "patient_id"})
    proposed = propose_schema(table, target="patient_id")
    assert proposed["patient_id"].role is ColumnRole.TARGET
    assert proposed.with_role(ColumnRole.PERSON) is None
