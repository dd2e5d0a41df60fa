"""Attribute inference: is a secret told by the synthetic table to those whose record was learnt?"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from privacy.attacks.attribute import Secret, attribute, guesses_of_nearest, stratified
from privacy.columns import named, only, usable
from privacy.errors import AuditInputError
from privacy.finding import Finding, FindingStatus
from privacy.guess import boosted, linear_guess, values_of
from privacy.residual import residual_interval
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.privacy import adult
from tests.privacy.attacks.awkward import (
    MIXED,
    awkward,
    copied,
    fresh,
    mixed,
    seen,
    swapped,
    tables,
    with_target,
)

SECRETS = ["sick", "amount", "town"]


def found(given, secrets=(), seed: int = 0) -> dict[str, Finding]:
    """What is found on the secrets, or where none is named on all that is attacked."""
    findings = attribute(seen(given, seed), np.random.default_rng(seed), secrets=secrets)
    return {finding.key: finding for finding in findings if not secrets or finding.key.split(":")[1] in secrets}


@cache
def of_a_copy() -> dict[str, Finding]:
    return found(copied(), SECRETS)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_copy_gives_every_secret_away_to_the_nearest_record(secret):
    finding = of_a_copy()[f"attribute.nearest:{secret}"]
    assert finding.value > 0.95
    assert finding.lower > 0.9
    assert finding.baseline == 0


@pytest.mark.parametrize("key", ["attribute.boosting:sick", "attribute.linear:sick", "attribute.boosting:town"])
def test_boosting_and_linear_reconstruction_see_the_copy_too(key):
    assert of_a_copy()[key].lower > 0.1


def test_a_share_of_copies_is_measured_as_that_share():
    finding = found(copied(1500, share=0.3), ["amount"])["attribute.nearest:amount"]
    assert finding.lower < 0.3 < finding.upper


@pytest.mark.parametrize("draws", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_fresh_records_stay_silent_over_many_draws(draws):
    """Each interval lies above 0 in one draw of forty."""
    alarms = {}
    for seed in range(1, draws + 1):
        for key, finding in found(fresh(400, seed), SECRETS, seed).items():
            if finding.status is FindingStatus.MEASURED:
                alarms.setdefault(key, []).append(finding.lower > 0)
    assert len(alarms) == 7
    for key, raised in alarms.items():
        assert sum(raised) <= binom.ppf(0.999, len(raised), 0.025), key


def test_a_negative_number_is_not_right_by_its_sign():
    """Every amount is negative and nothing tells it: a tolerance relative to a signed guess would call all right."""
    given = fresh(800)
    noise = np.random.default_rng(3)
    parts = [f.assign(amount=-5.0 - noise.random(len(f))) for f in (given.train, given.holdout, given.synthetic)]
    for method in ("nearest", "boosting"):
        finding = found(tables(*parts), ["amount"])[f"attribute.{method}:amount"]
        # The quartiles of a uniform are half its range apart: a window of 5 % of that on both sides holds 5 % of it.
        assert finding.details["success_on_holdout"] == pytest.approx(0.05, abs=0.03)


def test_the_tolerance_does_not_depend_on_where_zero_lies():
    given = fresh(300)
    moved = tables(*(f.assign(amount=f["amount"] - 1024.0) for f in (given.train, given.holdout, given.synthetic)))
    one, other = found(given, ["amount"]), found(moved, ["amount"])
    for key in ("attribute.nearest:amount", "attribute.boosting:amount"):
        assert one[key].value == pytest.approx(other[key].value, abs=0.02)


@pytest.mark.parametrize("given", [fresh(150), copied(150, share=0.4)], ids=["fresh", "copies"])
@pytest.mark.parametrize("secret", SECRETS)
def test_nearest_neighbour_agrees_exactly_with_one_loop_over_all_pairs(given, secret):
    evidence = seen(given)
    findings = {f.key: f for f in attribute(evidence, np.random.default_rng(5), secrets=[secret])}
    finding = findings[f"attribute.nearest:{secret}"]
    rows = evidence.synthetic.take(np.random.default_rng(5).permutation(len(evidence.synthetic)))
    (place,) = named(evidence.columns, [secret])
    known = [c for c in usable(evidence.columns) if c != place]
    truth_of_holdout = values_of(evidence.holdout, place)
    told = truth_of_holdout[~np.isnan(truth_of_holdout)]
    tolerance = 0.05 * (np.quantile(told, 0.75) - np.quantile(told, 0.25))
    for side, people in (("train", evidence.train), ("holdout", evidence.holdout)):
        x, y = only(people, known), only(rows, known)
        right = 0
        for i in range(len(people)):
            best, guess = np.inf, np.nan
            for j in range(len(rows)):
                apart = np.float32(0)
                for mine, theirs in zip(x.numbers, y.numbers, strict=True):
                    apart += abs(mine[i] - theirs[j])
                apart += np.float32(sum(mine[i] != theirs[j] for mine, theirs in zip(x.codes, y.codes, strict=True)))
                if apart < best:
                    best, guess = apart, values_of(rows, place)[j]
            truth = values_of(people, place)[i]
            if place.kind is ColumnKind.CATEGORICAL:
                right += guess == truth
            else:
                right += (np.isnan(guess) and np.isnan(truth)) or abs(guess - truth) <= tolerance
        assert finding.details[f"success_on_{side}"] == right / len(people)


def test_train_and_holdout_swapped_mirror_the_sign():
    given = copied(share=0.5)
    one, other = found(given, SECRETS), found(swapped(given), SECRETS)
    for secret in SECRETS:
        key = f"attribute.nearest:{secret}"
        assert one[key].lower > 0 > other[key].upper


def test_with_a_reference_only_people_whom_others_do_not_give_away_are_attacked():
    """A secret that is plain to see in other people's records is no risk; where it is random, everybody is attacked."""
    given = adult.fresh(3, n=1500, reference=1500)
    told = found(given, ["income", "fnlwgt"])
    assert told["attribute.nearest:income"].details["share_not_told_by_others"] < 0.25
    assert told["attribute.nearest:fnlwgt"].details["share_not_told_by_others"] > 0.85
    assert told["attribute.nearest:income"].details["success_on_holdout"] < 0.6
    leaked = found(adult.copied(given, 1.0), ["income"])
    assert leaked["attribute.nearest:income"].lower > 0.95
    assert leaked["attribute.linear:income"].lower > 0.1


def secret_of(evidence, name: str) -> Secret:
    (place,) = named(evidence.columns, [name])
    known = tuple(c for c in usable(evidence.columns) if c != place)
    sides = (values_of(people, place) for people in (evidence.train, evidence.holdout))
    return Secret(place=place, known=known, tolerance=0.0, train=next(sides), holdout=next(sides))


def test_what_others_records_say_votes_with_the_twenty_nearest_and_a_copy_outvotes_all():
    evidence = seen(adult.copied(adult.fresh(5, n=300, reference=600), 0.3))
    secret = secret_of(evidence, "occupation")
    prior = boosted(evidence.reference, secret.place, secret.known, np.random.default_rng(0))
    guesses = guesses_of_nearest(evidence.train, evidence.synthetic, secret, prior)
    people, rows = only(evidence.train, secret.known), only(evidence.synthetic, secret.known)
    values = values_of(evidence.synthetic, secret.place)
    kinds = np.unique(np.concatenate([values, values_of(evidence.reference, secret.place)]))
    chances = np.stack([prior.chances(evidence.train, np.full(300, kind)) for kind in kinds], axis=1)
    assert chances.sum(axis=1) == pytest.approx(1.0)
    agree = 0
    for i in range(300):
        apart = np.abs(people.numbers[:, [i]] - rows.numbers).sum(axis=0)
        apart = apart + sum(
            (mine[i] != theirs).astype(float) for mine, theirs in zip(people.codes, rows.codes, strict=True)
        )
        near = np.argsort(apart, kind="stable")[:20]
        weights = (max(apart[near[-1]], 1e-6) / np.maximum(apart[near], 1e-6)) ** 2
        votes = [20 * chances[i, k] + weights[values[near] == kind].sum() for k, kind in enumerate(kinds)]
        agree += guesses[i] == kinds[int(np.argmax(votes))]
        if apart[near[0]] < 1e-6 < apart[near[1]]:
            assert guesses[i] == values[near[0]]
    assert agree >= 298, "float32 sums may order the twentieth and the next another way"


def test_a_category_the_reference_never_saw_has_no_chance_there_and_is_still_read_off_a_copy():
    given = adult.fresh(6, n=1000, reference=1000)
    train = given.train.assign(occupation=given.train["occupation"].where(given.train.index % 3 > 0, "Keeper of bees"))
    tables_ = adult.with_synthetic(replace(given, train=train), train)
    evidence = seen(tables_)
    secret = secret_of(evidence, "occupation")
    prior = boosted(evidence.reference, secret.place, secret.known, np.random.default_rng(0))
    keeper = np.flatnonzero(np.isin(secret.train, secret.holdout, invert=True))
    assert len(keeper) == 334
    assert (prior.chances(evidence.train.take(keeper), secret.train[keeper]) == 0).all()
    finding = found(tables_, ["occupation"])["attribute.nearest:occupation"]
    assert finding.lower > 0.95


def test_sorting_by_how_hard_a_secret_is_narrows_the_interval():
    rng = np.random.default_rng(2)
    chances = rng.uniform(0, 0.5, (2, 2000))
    train, holdout = rng.random((2, 2000)) < chances
    strata = stratified(train, holdout, *chances)
    assert strata.together.n == 2000
    assert strata.together.hits == train.sum()
    wide, narrow = residual_interval(strata.together), residual_interval(strata)
    assert narrow[1] - narrow[0] < 0.8 * (wide[1] - wide[0])
    alike = stratified(train, holdout, np.full(2000, 0.5), np.full(2000, 0.5))
    assert residual_interval(alike) == pytest.approx(wide)


def test_a_column_that_others_tell_of_everybody_is_not_applicable_and_says_so():
    given = fresh(600, reference=True)
    parts = [f.assign(sick=np.where(f["gain"] > 0, "yes", "no")) for f in (given.train, given.holdout, given.synthetic)]
    others = given.reference.assign(sick=np.where(given.reference["gain"] > 0, "yes", "no"))
    for finding in found(tables(*parts, reference=others), ["sick"]).values():
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "other people's records do not tell" in finding.note


def test_one_category_and_one_number_are_always_attacked_and_a_target_in_addition():
    own = found(fresh())
    assert {key.split(":")[1] for key in own} == {"town", "amount"}
    assert found(with_target(fresh(), "town")) == own, "what is attacked anyway is attacked once"
    both = found(with_target(fresh(), "sick"))
    assert own.items() <= both.items(), "no figure changes because a target is named"
    assert {key for key, finding in both.items() if finding.named} == both.keys() - own.keys()
    assert {key.split(":")[1] for key in both.keys() - own.keys()} == {"sick"}
    constant = found(awkward()["constant column"])
    assert {key.split(":")[1] for key in constant} == {"sick", "town", "amount"}
    assert constant["attribute.nearest:sick"].status is FindingStatus.NOT_APPLICABLE


def test_what_cannot_be_a_secret_is_not_applicable_and_an_unknown_column_is_refused():
    for finding in found(fresh(), ["person"]).values():
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "identifier" in finding.note
    constant = awkward()["constant column"]
    assert all("constant" in finding.note for finding in found(constant, ["sick"]).values())
    assert "two values" in found(fresh(), ["town"])["attribute.linear:town"].note
    with pytest.raises(AuditInputError):
        found(fresh(), ["no such column"])


@pytest.mark.parametrize("name", list(awkward()))
def test_no_table_makes_it_crash_or_skip_in_silence(name):
    given = awkward()[name]
    for secrets in ((), [c for c in ("sick", "gain", "amount") if c in given.schema.names]):
        findings = found(given, secrets).values()
        assert findings
        for finding in findings:
            assert (finding.status is FindingStatus.MEASURED) == (finding.value is not None)
            assert finding.note
            assert finding.threat


def test_the_same_seed_gives_the_same_findings():
    assert found(fresh(), SECRETS, 4) == found(fresh(), SECRETS, 4)


def test_a_column_name_with_dots_stars_and_brackets_is_matched_by_the_policy_pattern():
    from privacy.policy import Limit

    schema = TableSchema(columns=(ColumnSpec(name="a.*[x]", kind=ColumnKind.NUMERICAL), *MIXED.columns[1:]))
    frames = [mixed(200, seed).rename(columns={"person": "a.*[x]"}) for seed in (1, 2, 3)]
    limit = Limit(gate="G4", title="", findings=("attribute.*",), pass_below=0.05, block_above=0.1, required=False)
    findings = found(tables(*frames, schema), ["a.*[x]"]).values()
    assert findings
    assert all(limit.covers(finding) for finding in findings)


def test_linear_reconstruction_recovers_coin_flips_from_exact_counts_and_nothing_from_other_peoples():
    """Ten columns of four values give some 2,000 equations for 200 bits, which nothing else tells."""
    rng = np.random.default_rng(1)
    schema = TableSchema(
        columns=tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in [*"abcdefghij", "bit"])
    )
    frames = [
        pd.DataFrame(
            {name: rng.choice(list("wxyz"), 200) for name in "abcdefghij"} | {"bit": rng.choice(["0", "1"], 200)}
        )
        for _ in range(2)
    ]
    evidence = seen(tables(frames[0], frames[1], frames[0], schema))
    (place,) = named(evidence.columns, ["bit"])
    known = [c for c in usable(evidence.columns) if c != place]
    right = {}
    for side, people in (("train", evidence.train), ("holdout", evidence.holdout)):
        guess = linear_guess(evidence.synthetic, people, place, 1.0, known, np.random.default_rng(1))
        right[side] = (guess == (values_of(people, place) == 1.0)).mean()
    assert right["train"] > 0.95
    assert 0.35 < right["holdout"] < 0.65


def test_the_rarest_category_is_reported_with_its_precision():
    details = of_a_copy()["attribute.nearest:sick"].details
    assert details["rare_precision_train"] > 0.95
    assert details["rare_precision_holdout"] < 0.8


def test_dates_can_be_secrets():
    assert found(copied(), ["born"])["attribute.nearest:born"].lower > 0.9
    assert pd.api.types.is_datetime64_any_dtype(copied().train["born"])
