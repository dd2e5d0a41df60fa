"""An e-mail address, a phone number or an IBAN among other words is found, and never comes out."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.columns import read_texts
from synth.detect.contacts import holds_contact
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.randomness import Rng
from synth.table.schema import ColumnKind, TableSchema
from synth.written.surrogate import Replaced, SurrogateForm

STATUS = ["Rückfragen an meier@klinik.de", "Rückruf Fr. Schneider 0171 2223334", "ok"]


@pytest.mark.parametrize(
    "text",
    [
        *STATUS[:2], "Tel.: 030/23125678", "Tel 01712223334", "call +49 30 23125678 now", "ask 212-555-0123",
        "IBAN DE89370400440532013000", "Konto DE89 3704 0044 0532 0130 00 Sparkasse", "DE12 3456 7890 1234 5678 90",
        "FR 01 42 68 53 00", "0171-2223334 (privat)", "Mail: <a.b@c.org>", "0171 / 22 23 334", "+1 415 555 2671",
    ],
)  # fmt: skip
def test_texts_that_say_how_to_reach_somebody(text: str) -> None:
    assert holds_contact(text)


@pytest.mark.parametrize(
    "text",
    [
        "ok", "2024-01-01 12:30", "01.02.2003 - 05.06.2004", "vom 01.02.2003 bis 01.04.2003", "0123456789",
        "SKU-0171222333", "10.5 mg / 20.5 mg", "1000000-2000000 EUR", "$50,000 - $74,999", "0-10.000.000",
        "2020/2021 und 2021/2022", "user @ home", "AB12CDEF34567890", "12345678-9", "ISBN 978-3-16-148410-0",
        "0.000001 - 0.000005", "00:15:00-01:15:00", "192.168.100.200", "Case 2023-000123", "0001-0002-0003",
    ],
)  # fmt: skip
def test_texts_that_only_look_alike(text: str) -> None:
    assert not holds_contact(text)


def test_repeated_texts_of_which_one_holds_a_contact_are_free_text() -> None:
    found = read_texts("Status", dict.fromkeys(STATUS, 100))
    assert found.form == SurrogateForm(of=Replaced.TEXT)
    assert "--kind Status=categorical" in found.doubt


def test_other_repeated_texts_are_categories() -> None:
    found = read_texts("Status", {"Rückfragen": 100, "Rückruf am 01.02.2003": 100, "ok": 100})
    assert found.kind is ColumnKind.CATEGORICAL
    assert not found.doubt


@pytest.mark.parametrize("cells", [STATUS * 100, STATUS[:2] * 100])
def test_no_contact_comes_out_where_the_owner_says_categories(cells: list[str]) -> None:
    table = pd.DataFrame({"status": cells, "age": [i % 90 for i in range(len(cells))]})
    proposed = propose_schema(table)
    said = (replace(proposed["status"], kind=ColumnKind.CATEGORICAL, form=None), proposed["age"])
    encoder = fit_encoder(table, TableSchema(columns=said), TrainConfig(), Rng(0))
    made = encoder.decode(encoder.encode(table, Rng(1)), Rng(2).numpy)
    assert not set(made["status"]) & set(STATUS[:2])
    assert "meier" not in str(encoder.to_json())
    assert "2223334" not in str(encoder.to_json())


def test_a_marker_that_holds_a_contact_is_not_learnt() -> None:
    cells = [*(f"{i % 40},5 kg" for i in range(200)), *["ask 0171 2223334"] * 20, *["unknown"] * 20]
    table = pd.DataFrame({"weight": cells, "age": [i % 90 for i in range(240)]})
    schema = propose_schema(table)
    assert schema["weight"].kind is ColumnKind.NUMERICAL
    encoder = fit_encoder(table, schema, TrainConfig(), Rng(0))
    assert "2223334" not in str(encoder.to_json())
    assert "unknown" in str(encoder.to_json())
