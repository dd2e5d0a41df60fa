"""Asks the trained model itself about people that it was trained on and people held out.

This is where the attack, which knows no networks, is given the model's likelihoods.
"""

from __future__ import annotations

import numpy as np

from app.stage_context import StageContext
from privacy.attacks.white_box import Likelihoods, not_run, white_box
from privacy.finding import Finding
from privacy.running import Crash, attempt, crashed
from privacy.threat import AuditTables
from synth.artifact import load
from synth.likelihood import record_scores
from synth.randomness import Rng

MOST_PEOPLE = 10_000
"""Per side."""
OF_PEOPLE = (
    "People have several records here. How likely the model finds all of a person's records together is not asked yet."
)


def ask_model(context: StageContext, tables: AuditTables) -> tuple[Finding, ...]:
    """The findings `white_box.*` on the model of this job. A crash is a finding, never a pass."""
    found = attempt(lambda: _ask(context, tables))
    return (crashed("white_box", found),) if isinstance(found, Crash) else found


def _ask(context: StageContext, tables: AuditTables) -> tuple[Finding, ...]:
    rng = Rng(context.options.seed).spawn("white box")
    folder = context.folder / "asked model"
    folder.mkdir(exist_ok=True)
    context.fetch("weights").rename(folder / "model.safetensors")
    context.fetch("model").rename(folder / "model.json")
    model = load(folder)
    if model.sequences is not None:
        return not_run(OF_PEOPLE)
    thin, random = tables.one_record_per_person(rng.spawn("people").numpy), rng.spawn("chosen").numpy
    sides = [
        frame.iloc[np.sort(random.permutation(len(frame))[:MOST_PEOPLE])].reset_index(drop=True)
        for frame in (thin.train, thin.holdout)
    ]
    # The same random numbers for both sides: the error of an average over noise must not tell them apart.
    train, holdout = (record_scores(model, side, rng.spawn("scores")) for side in sides)
    likelihoods = {name: Likelihoods(train=train[name], holdout=holdout[name]) for name in train}
    return white_box(likelihoods)
