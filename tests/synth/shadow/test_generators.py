"""Many generators in one computation learn what each of them should, and nothing of one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from synth.config import TrainConfig
from synth.encode.layout import make_layout, one_hot, softmax_by_column
from synth.errors import TableError
from synth.randomness import Rng
from synth.shadow.generators import ShadowConfig, shadow_tables
from synth.shadow.step import EPSILON, make_goals, shadow_conditions, table_pull
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="patient", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON),
        ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="smokes", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="age", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="seen", kind=ColumnKind.DATETIME),
    )
)
QUICK = ShadowConfig(steps=120, batch=200, width=32, noise=16, rows=400, device="cpu")


def people(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ward = rng.choice(["eye", "heart", "skin"], n, p=[0.5, 0.3, 0.2])
    age = np.round(rng.normal(50, 10, n) + 10 * (ward == "heart"))
    seen = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame(
        {
            "patient": [f"{seed}-{i}" for i in range(n)],
            "ward": ward.astype(object),
            "smokes": np.where(rng.random(n) < np.where(ward == "heart", 0.8, 0.1), "yes", "no").astype(object),
            "age": np.where(rng.random(n) < 0.05, np.nan, age),
            "seen": seen.astype("datetime64[us]"),
        }
    )


def tables_of(
    membership: list[list[bool]], *, base: pd.DataFrame | None = None, progress=None, **changes
) -> list[pd.DataFrame]:
    flags = np.array(membership, dtype=bool)
    base = people(1000) if base is None else base
    config = replace(QUICK, **changes)
    targets = people(flags.shape[1], seed=1)
    return list(shadow_tables(base, targets, flags, SCHEMA, rng=Rng(3), config=config, progress=progress))


def random_goals(seed: int = 0):
    rng = torch.Generator().manual_seed(seed)
    layout = make_layout([3, 4, 2, 1], [], "cpu")
    base = torch.stack([torch.randint(int(w), (60,), generator=rng) for w in layout.widths], 1)
    targets = torch.stack([torch.randint(int(w), (3,), generator=rng) for w in layout.widths], 1)
    member = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).float()
    return base, targets, member, layout, make_goals(base, targets, member, layout)


def test_rank_one_updates_give_the_tables_that_counting_each_generators_own_records_gives():
    base, targets, member, layout, goals = random_goals()
    for model in range(len(member)):
        own = torch.cat([base, targets[member[model].bool()]])
        hot = one_hot(own, layout)
        torch.testing.assert_close(goals.pairs[model], hot.T @ hot / len(own))


def test_conditions_follow_each_generators_own_records():
    base, targets, member, layout, goals = random_goals()
    conditions = shadow_conditions(goals, 0.0)
    drawn = torch.diff(conditions.cumulative, prepend=torch.zeros(len(member), 1, dtype=torch.float64))
    varied = (layout.widths > 1)[layout.column]
    for model in range(len(member)):
        own = one_hot(torch.cat([base, targets[member[model].bool()]]), layout)
        torch.testing.assert_close(drawn[model], torch.where(varied, own.double().mean(0), 0.0) / 3)


def test_the_written_down_gradient_is_that_of_the_loss():
    _, _, member, layout, goals = random_goals()
    rng = torch.Generator().manual_seed(5)
    logits = torch.randn(len(member), 10, layout.codes, generator=rng)
    values = softmax_by_column(logits.flatten(0, 1), layout).view_as(logits).requires_grad_()
    share = torch.rand(len(member), 10, generator=rng)

    pull, running = table_pull(values.detach(), share, goals.pairs, goals)
    counted = values * share[:, :, None]
    table = (counted.transpose(1, 2) @ values) * goals.across + torch.diag_embed(counted.sum(1))
    torch.testing.assert_close(running, (0.9 * goals.pairs + 0.1 * table).detach())
    loss = ((running - goals.pairs) / (goals.pairs + EPSILON) * table).sum() / layout.columns
    torch.testing.assert_close(torch.autograd.grad(loss, values)[0], pull)


def test_a_shadow_generator_learns_its_records():
    real = people(1000)
    synthetic = tables_of([[True], [False]], rows=2000, steps=300, batch=500, width=64)
    for table in synthetic:
        assert list(table.columns) == list(SCHEMA.names)
        assert table["age"].dtype == real["age"].dtype
        assert table["seen"].dtype == real["seen"].dtype
        assert len(table) == 2000
        for name in ("ward", "smokes"):
            gap = table[name].value_counts(normalize=True).sub(real[name].value_counts(normalize=True), fill_value=0)
            assert gap.abs().sum() / 2 < 0.06
        heart = table[table["ward"] == "heart"]
        assert (heart["smokes"] == "yes").mean() > 0.6, "columns go together as they do in the records"
        assert table["age"].isna().mean() == pytest.approx(0.05, abs=0.03)


def test_a_generator_does_not_depend_on_what_its_neighbours_learn():
    one, two = tables_of([[True, False], [False, False]]), tables_of([[True, False], [True, True]])
    pd.testing.assert_frame_equal(one[0], two[0])
    assert not one[1].equals(two[1])


def test_the_same_seed_gives_the_same_tables_and_no_two_generators_are_alike():
    one, two = tables_of([[True], [True]]), tables_of([[True], [True]])
    pd.testing.assert_frame_equal(one[0], two[0])
    assert not one[0].equals(one[1]), "generators that learnt the same differ by their random numbers"


def test_more_generators_than_go_together_are_trained_in_several_rounds():
    told: list[float] = []
    tables = tables_of([[True]] * 5, rows=10, steps=20, together=2, progress=told.append)
    assert len(tables) == 5
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_what_fewer_than_five_people_have_is_not_emitted():
    base = people(600)
    base.loc[:2, "ward"] = "rare disease"
    tables = tables_of([[True]], base=base, rows=3000, encoding=TrainConfig(min_count=5))
    assert "rare disease" not in set(tables[0]["ward"])


def test_what_progress_raises_ends_the_training():
    class CancelledError(Exception):
        pass

    def cancel(fraction: float) -> None:
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        tables_of([[True]], progress=cancel)


def test_no_records_or_another_membership_or_too_many_codes_are_refused_without_a_cell():
    with pytest.raises(TableError, match="at least one record"):
        tables_of([[True]], base=people(0))
    with pytest.raises(TableError, match="membership"):
        list(shadow_tables(people(50), people(2), np.ones((4, 3), dtype=bool), SCHEMA, rng=Rng(0), config=QUICK))
    wide = pd.DataFrame({"code": [f"secret {i}" for i in range(2000)] * 5}, dtype=object)
    schema = TableSchema(columns=(ColumnSpec(name="code", kind=ColumnKind.CATEGORICAL),))
    with pytest.raises(TableError, match="codes") as refused:
        list(shadow_tables(wide, wide[:1], np.ones((4, 1), dtype=bool), schema, rng=Rng(0), config=QUICK))
    assert "secret" not in str(refused.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator")
def test_the_generators_train_on_an_accelerator():
    tables = tables_of([[True], [False]], steps=50, device="cuda")
    assert [len(table) for table in tables] == [400, 400]
