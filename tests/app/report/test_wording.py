"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from app.report.svg import pinched, plain, short
from app.report.units import in_unit, number
from app.report.wording import next_step, title


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "not measured"),
        (0, "0"),
        (0.5234, "0.523"),
        (0.01234, "0.0123"),
        (0.00012, "0.00012"),
        (12.345, "12.35"),
        (1234567.8, "1,234,568"),
        (-3.0, "-3"),
        (1e-9, "1e-09"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_share_is_in_per_cent_and_an_auc_is_not() -> None:
    assert in_unit(0.0051, "share") == "0.51\u00a0%"
    assert in_unit(0.5514, "number") == "0.551"
    assert in_unit(None, "share") == "not measured"


@pytest.mark.parametrize(
    ("attack", "statistic", "shown"),
    [
        ("membership", "plain_k1_auc", "Membership inference: nearest record, k = 1, AUC"),
        (
            "membership",
            "calibrated_k5_tpr_at_01_percent",
            "Membership inference: against reference, k = 5, TPR at 0.1 % FPR",
        ),
        ("a_new_attack", "some_rate", "a new attack: some rate"),
    ],
)
def test_titles(attack: str, statistic: str, shown: str) -> None:
    assert title(attack, statistic) == shown


def test_only_a_pass_under_a_policy_that_releases_goes_out_by_itself() -> None:
    for verdict in ("PASS", "REVIEW", "BLOCK", "VOID", "INSUFFICIENT"):
        for auto_release in (False, True):
            releases = "releases the data" in next_step(verdict, auto_release=auto_release, four_eyes=False)
            assert releases == (verdict == "PASS" and auto_release)
    assert "must not be the one who sent the job" in next_step("REVIEW", auto_release=True, four_eyes=True)


def test_labels_are_one_short_line_without_tricks() -> None:
    assert short("a\n b\t c" + "x" * 100, 8) == "a b cxx…"
    assert pinched("the same start, one", 11) == "the s…, one"
    assert plain("a\u202eb\x00c\ud800\uffff") == "a�b�c��"
    assert plain("数 é 👩‍💻") == "数 é 👩‍💻"
