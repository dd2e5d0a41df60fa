"""What is farthest off is found and stands beside a real sample, and nothing of it tells what the few have."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from synth.fidelity import metrics
from synth.fidelity.assess import Fidelity, assess
from synth.fidelity.detection import Detection
from synth.fidelity.frames import Part, Tables
from synth.fidelity.gaps import PairGaps, same_size
from synth.fidelity.levels import shown_cells
from synth.fidelity.marginals import marginals
from synth.fidelity.pairs import pair_trends
from synth.fidelity.projection import Projection
from synth.fidelity.spikes import spikes
from synth.fidelity.subgroups import Subgroups
from synth.fidelity.utility import Utility
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

N = 1500
SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="x", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="gain", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="note", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="job", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="town", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="y", kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET),
    )
)


def people(n: int, seed: int) -> pd.DataFrame:
    """Records in which job goes with town, y with x, and gain is mostly 0; note and job are missing together."""
    rng = np.random.default_rng(seed)
    town = rng.choice(["Linz", "Graz", "Wien"], n)
    job = np.where(rng.random(n) < 0.8, np.char.add("job of ", town), "clerk")
    x = rng.standard_normal(n)
    gone = rng.random(n) < 0.1
    return pd.DataFrame(
        {
            "x": x,
            "gain": np.where(rng.random(n) < 0.9, 0.0, rng.exponential(1000, n).round()),
            "note": pd.Series(rng.random(n)).mask(gone),
            "job": pd.Series(job.astype(object)).mask(gone, None),
            "town": town.astype(object),
            "y": np.where(x + 0.5 * rng.standard_normal(n) > 0, "yes", "no").astype(object),
        }
    )


def judged(synthetic: pd.DataFrame, train: pd.DataFrame | None = None, **more) -> Fidelity:
    return assess(
        people(N, 1) if train is None else train, people(N, 2), synthetic, SCHEMA, np.random.default_rng(0), **more
    )


@pytest.fixture(scope="module")
def fresh() -> Fidelity:
    return judged(people(N, 3))


@pytest.fixture(scope="module")
def broken() -> Fidelity:
    """Gain has lost its spike, job has nothing to do with town, and no two cells are missing together."""
    synthetic, rng = people(N, 3), np.random.default_rng(4)
    synthetic["gain"] = rng.exponential(1000, N).round()
    synthetic["job"] = rng.permutation(synthetic["job"].to_numpy())
    return judged(synthetic)


def test_fresh_real_records_are_no_farther_off_than_a_real_sample(fresh):
    close = fresh.closeness
    for gap in close.columns.values():
        assert gap.synthetic == pytest.approx(gap.holdout, abs=0.04)
    assert close.pairs.mean.synthetic == pytest.approx(close.pairs.mean.holdout, abs=0.015)
    assert close.missing.gap.synthetic < 0.03
    assert close.projection.gap.synthetic == pytest.approx(close.projection.gap.holdout, abs=0.05)
    assert fresh.detection.floor.auc().lower < 0.55


def test_the_column_and_the_pair_that_are_off_come_first(broken):
    close = broken.closeness
    assert max(close.columns, key=lambda name: close.columns[name].excess) == "gain"
    assert close.columns["gain"].synthetic > 0.5
    assert isinstance(close.pairs, PairGaps)
    # Pairs with gain are off by gain alone; job with town is off although each of the two is as it was.
    assert set(close.pairs.worst[0].columns) == {"job", "town"}
    assert close.columns["job"].excess < 0.05
    assert close.pairs.compared == 15


def test_a_spike_that_the_synthetic_table_lost_is_seen(fresh, broken):
    (spike,) = broken.closeness.spikes["gain"]
    assert spike.value == 0
    assert spike.real == pytest.approx(0.9, abs=0.03)
    assert spike.synthetic < 0.01
    assert spike.holdout == pytest.approx(0.9, abs=0.03)
    assert fresh.closeness.spikes["gain"][0].synthetic == pytest.approx(0.9, abs=0.03)
    assert "x" not in fresh.closeness.spikes


def test_cells_that_are_no_longer_missing_together_are_seen(fresh, broken):
    shares = {pattern.columns: pattern for pattern in fresh.closeness.missing.patterns}
    assert shares["note", "job"].real == pytest.approx(0.1, abs=0.03)
    assert broken.closeness.missing.gap.synthetic > 0.1
    for found in (fresh, broken):
        for side in ("real", "synthetic"):
            assert sum(getattr(each, side) for each in found.closeness.missing.patterns) == pytest.approx(1)


def test_models_are_tested_both_ways_and_each_way_sees_something_else():
    """A table that knows one side of x alone agrees with what real records teach, and teaches little of the other."""
    half = people(3 * N, 3)
    half = half[half["x"] > 0.3].reset_index(drop=True)[:N]
    half["y"] = np.where(half["x"] > 1.2, "yes", half["y"])
    useful = judged(half).utility
    assert isinstance(useful, Utility)
    assert {each.model for each in useful.models} == {"gradient boosting", "logistic regression"}
    for each in useful.models:
        for measure in (each.trtr, each.tstr, each.trts):
            assert measure.lower <= measure.value <= measure.upper
    boosted = {each.metric: each for each in useful.models if each.model == "gradient boosting"}
    assert boosted["macro_f1"].tstr.upper < boosted["macro_f1"].trtr.lower
    assert useful.trained_on == min(len(half), N)


def test_the_roc_curve_goes_up_and_encloses_the_auc(broken):
    assert isinstance(broken.detection, Detection)
    curve = np.array(broken.detection.told.roc())
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1
    assert np.trapezoid(curve, np.linspace(0, 1, len(curve))) == pytest.approx(broken.detection.auc, abs=0.02)


def test_a_group_that_fares_worse_is_told_apart_from_the_others():
    synthetic, rng = people(N, 3), np.random.default_rng(5)
    those = (synthetic["town"] == "Linz").to_numpy()
    synthetic.loc[those, "x"] = rng.uniform(2, 4, those.sum())
    found = judged(synthetic, by="town").closeness.subgroups
    assert isinstance(found, Subgroups)
    groups = {found.levels.labels[group.level]: group for group in found.groups}
    assert set(groups) == {"Linz", "Graz", "Wien"}
    assert groups["Linz"].worst == "x"
    assert groups["Linz"].auc.lower > max(groups[other].auc.upper for other in ("Graz", "Wien"))
    assert groups["Linz"].gap.excess > groups["Graz"].gap.excess + 0.05


def test_without_a_target_or_a_secret_there_are_no_groups():
    schema = TableSchema(columns=tuple(ColumnSpec(name=each.name, kind=each.kind) for each in SCHEMA))
    found = assess(people(200, 1), people(200, 2), people(200, 3), schema, np.random.default_rng(0))
    assert isinstance(found.closeness.subgroups, Part)
    assert found.to_json()["closeness"]["subgroups"]["not_applicable"].startswith("The schema names no target")


def test_what_fewer_than_five_people_have_is_not_told():
    """A town, a gain, missing cells and a pair of values that four people have, and four synthetic records too."""
    train, synthetic = people(N, 1), people(N, 3)
    for frame in (train, synthetic):
        frame.loc[:3, "town"] = "Hallstatt"
        frame.loc[:3, "gain"] = 777_777.0
        frame.loc[:3, ["x", "note"]] = np.nan
        frame.loc[:3, "job"] = "job of Wien"
        frame.loc[4:7, ["job", "town"]] = ["job of Linz", "Graz"]
    found = judged(synthetic, train=train).closeness
    text = json.dumps(found.to_json())
    assert "Hallstatt" not in text
    assert "777777" not in text
    assert ("x", "note") not in {each.columns for each in found.missing.patterns}
    least = 4.5 / N
    for pair in found.pairs.worst:
        assert ((pair.real > least) | (pair.real == 0) | np.isnan(pair.real)).all()
    assert isinstance(found.projection, Projection)
    assert ((found.projection.real > least) | np.isnan(found.projection.real)).all()


def test_people_and_not_their_records_make_a_spike_a_cell_or_a_pattern():
    """Four people with a hundred records each."""
    train = people(N, 1)
    train["who"] = np.arange(N)
    train.loc[:399, "who"] = np.repeat([-1, -2, -3, -4], 100)
    train.loc[:399, ["x", "gain"]] = [5.25, np.nan]
    train.loc[:399, "job"] = None
    schema = TableSchema(columns=(*SCHEMA, ColumnSpec(name="who", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)))
    others = [people(N, seed).assign(who=np.arange(N)) for seed in (2, 3)]
    found = assess(train, *others, schema, np.random.default_rng(0)).closeness
    assert "x" not in found.spikes
    assert all("gain" not in (each.columns or ()) for each in found.missing.patterns)


def test_what_one_person_misses_is_not_left_over_when_the_patterns_of_many_are_taken_away():
    train = people(N, 1)
    train.loc[0, ["x", "gain", "note", "town"]] = [np.nan, np.nan, 0.5, "Wien"]
    found = judged(people(N, 3), train=train)
    patterns = found.closeness.missing.patterns
    (others,) = (each for each in patterns if each.columns is None)
    assert others.real > 4.5 / N
    told = {name: sum(each.real for each in patterns if name in (each.columns or ())) for name in ("note", "job")}
    assert sum(each.real for each in patterns) == pytest.approx(1)
    # Whatever is left for others: columns that the one misses are among those that at least five of them do.
    assert found.marginals["job"].real_missing - told["job"] > 4.5 / N


@pytest.mark.parametrize(("gains", "is_told"), [([37.0], False), ([37.0] * 5, True), ([], True)])
def test_a_spike_does_not_tell_by_its_bin_that_somebody_lies_beside_it(gains, is_told):
    rng = np.random.default_rng(1)
    gain = np.concatenate([np.zeros(800), gains, rng.uniform(2000, 9000, 100).round()])
    frame = pd.DataFrame({"gain": gain})
    tables = Tables(train=frame, holdout=frame, synthetic=frame, numbers=("gain",), categories=())
    found = spikes(tables, same_size(tables, rng), marginals(tables))
    assert ("gain" in found) is is_told


@pytest.mark.parametrize("where", ["train", "holdout"])
def test_the_strength_of_a_pair_does_not_tell_what_the_only_one_has(where):
    """The only bishop has a rare job: with a level of one person, the pair is strong; had they another, it is not."""
    found = []
    for job in ("judge", "clerk"):
        rng = np.random.default_rng(1)
        frames = [
            pd.DataFrame({"job": rng.choice(["clerk", "nurse", "judge"], n, p=[0.6, 0.385, 0.015])}) for n in (900,) * 3
        ]
        for frame in frames:
            frame["title"] = np.where(np.arange(900) < (0 if where == "train" else 40), "bishop", "none")
        one = frames[0 if where == "train" else 1]
        one["title"] = np.where(np.arange(900) < 1, "bishop", "none")
        one.loc[0, "job"] = job
        tables = Tables(
            train=frames[0], holdout=frames[1], synthetic=frames[2], numbers=(), categories=("job", "title")
        )
        trends = pair_trends(tables, np.random.default_rng(0))
        found.append(trends.to_json()["real" if where == "train" else "holdout"][0][1])
    assert found[0] == found[1]


def test_distances_do_not_give_counts_of_a_few_away():
    """One woman is ill. All digits of how far the group is off would be a fraction that only one pair of counts has."""
    rng = np.random.default_rng(1)

    def table(n: int) -> pd.DataFrame:
        return pd.DataFrame({"ill": np.where(rng.random(n) < 0.05, "yes", "no"), "sex": rng.choice(["f", "m"], n)})

    train, holdout, synthetic = table(613), table(257), table(613)
    women = train.index[train["sex"] == "f"]
    train.loc[women, "ill"] = "no"
    train.loc[women[0], "ill"] = "yes"
    holdout["ill"] = np.where(np.arange(257) < 1, "yes", "no")
    schema = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in ("ill", "sex")))
    close = assess(train, holdout, synthetic, schema, np.random.default_rng(0), by="sex").to_json()["closeness"]

    def fitting(told: float, real: int, n: int, most: int) -> set[int]:
        """Counts of the others, or of real people, that would be told alike."""
        step = 5 / min(real, n)
        return {x for x in range(most) for y in range(n) if abs(abs(x / real - y / n) - told) <= step / 2}

    place = close["subgroups"]["levels"]["labels"].index("f")
    (group,) = (each for each in close["subgroups"]["groups"] if each["level"] == place)
    n = int((holdout["sex"] == "f").sum())
    assert fitting(group["worst_gap"]["synthetic"], len(women), n, 6) == set(range(6))
    told = (train["ill"] == "yes").mean()
    alike = [y for y in range(30) if abs(abs(told - y / 257) - close["columns"]["ill"]["holdout"]) <= 2.5 / 257]
    assert len(alike) >= 5


@given(st.lists(st.lists(st.integers(0, 12), min_size=4, max_size=4), min_size=2, max_size=6))
def test_no_cell_of_a_few_can_be_worked_out_from_a_row_or_a_column(rows):
    held = np.array(rows)
    shown = shown_cells(held)
    few = (held > 0) & (held < 5)
    assert not (shown & few).any()
    empty = (held.sum(axis=1) == 0)[:, None] | (held.sum(axis=0) == 0)[None, :]
    for lines, gone, counts in ((held, ~shown, empty), (held.T, ~shown.T, empty.T)):
        for line, hidden, known in zip(lines, gone, counts, strict=True):
            # One withheld cell alone is the line's sum, which its marginal tells already.
            assert hidden.sum() != 1 or ((~known).sum() == 1 and line[hidden].sum() == line.sum())


@settings(deadline=None)
@example([[3, 30, 1, 60], [30, 3, 60, 60], [60, 60, 3, 30], [60, 60, 30, 3]])  # one cell joins two withheld blocks
@example([[0, 20, 0, 8], [1, 0, 2, 0], [2, 20, 20, 20]])
@given(st.lists(st.lists(st.sampled_from([0, 0, 1, 2, 4, 9, 30, 60]), min_size=4, max_size=4), min_size=2, max_size=6))
def test_no_cell_of_a_few_can_be_worked_out_from_all_rows_and_columns_together(rows):
    """Least and most of each withheld cell, by linear programming on what is told, differ by a person at least."""
    held = np.array(rows)
    gone = ~shown_cells(held)
    cells = np.argwhere(gone)
    lines = [cells[:, axis] == place for axis in (0, 1) for place in range(held.shape[axis])]
    sums = [held[tuple(cells[line].T)].sum() for line in lines]
    ends = np.eye(len(cells))
    if min((held.sum(axis=1) > 0).sum(), (held.sum(axis=0) > 0).sum()) < 2:
        return  # the table is its own sums
    for place in np.flatnonzero((held[gone] > 0) & (held[gone] < 5)):
        least, most = (
            linprog(side * ends[place], A_eq=np.array(lines, dtype=float), b_eq=sums).fun * side for side in (1, -1)
        )
        assert most - least > 0.5


@pytest.mark.parametrize(("n", "right"), [(100, 90), (10, 10), (400, 200)])
def test_the_interval_of_a_share_is_wilsons(n, right):
    found = metrics.share(np.arange(n) < right)
    assert found.value == right / n
    # (p - share)^2 = z^2 p (1 - p) / n at both ends of Wilson's interval.
    for end in {found.lower, found.upper} - {0.0, 1.0}:
        assert (end - found.value) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n)


def test_intervals_of_scores_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = {"auc": 0, "f1": 0}
    truth_auc, truth_f1 = 0.7602, 0.6915
    for _ in range(200):
        y = rng.random(400) < 0.5
        score = rng.standard_normal(400) + y
        labels = np.where(y, "b", "a").astype(object)
        auc = metrics.auc(labels, np.column_stack([-score, score]), ["a", "b"])
        f1 = metrics.macro_f1(labels, np.where(score > 0.5, "b", "a").astype(object), rng)
        held["auc"] += auc.lower <= truth_auc <= auc.upper
        held["f1"] += f1.lower <= truth_f1 <= f1.upper
    assert all(180 <= count <= 199 for count in held.values())


def test_an_auc_is_not_defined_where_all_records_have_one_class():
    assert metrics.auc(np.array(["a"] * 5, dtype=object), np.full((5, 2), 0.5), ["a", "b"]) is None
