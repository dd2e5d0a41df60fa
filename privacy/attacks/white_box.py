"""A12: does a model that is released tell, by how likely it finds a record, whether it was trained on it?

The scores come from outside: this module sees arrays and knows no networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from privacy.about import About, Question
from privacy.finding import Finding, FindingStatus
from privacy.scores import Scored, Scores, score_findings

ABOUT = About(
    title="Questions to the model",
    question=Question.MEMBERSHIP,
    statistics={
        "generator": "generator's likelihood",
        "conditionals": "conditional likelihoods",
    },
    plants=None,
)

MEMORISED = 0.01
"""The share of a model's draws that the planted model takes from its training records as they are."""
FEWEST = 100
"""People per side."""
THREAT = "An attacker holds the trained model and one person's complete record, and asks whether it was trained on it."
NOTE = "The score is the model's own {name} log-likelihood of the record. It does not decide the verdict on the file."


@dataclass(frozen=True, kw_only=True, slots=True)
class Likelihoods:
    """Log-likelihoods under one part of the model, of people that it was trained on and of people held out."""

    train: Scores
    holdout: Scores


def not_run(reason: str) -> tuple[Finding, ...]:
    """The finding of an audit that had no model to ask, with the reason."""
    status = FindingStatus.NOT_APPLICABLE
    finding = Finding(attack="white_box", statistic="auc", status=status, threat=THREAT, gating=False, note=reason)
    return (finding,)


def white_box(likelihoods: Mapping[str, Likelihoods]) -> tuple[Finding, ...]:
    """Per part NAME of the model `white_box.NAME_auc` and the rates: score = the record's log-likelihood.

    This is the loss attack of Yeom et al. 2018 (arXiv 1709.01604, section 3) on a generative model, as in LOGAN's white
    box (Hayes et al. 2019, arXiv 1705.07663, section 4): what was trained on is more likely than what was not. Holdout
    shows how likely the model finds people in general, so rare records blur the score but do not bias it.

    `details` holds what the same statistic makes of its plant (`planted_*`): a model that draws a share m = MEMORISED
    of its records verbatim from train, so that a training record's likelihood is (1 - m) p(x) + m / n. The findings
    are not gating: they speak of the model, not of the file. A part whose scores are all equal says nothing and is not
    applicable.
    Raises ValueError on scores that are not finite.
    """
    return tuple(finding for name, one in likelihoods.items() for finding in _of_part(name, one))


def _of_part(name: str, one: Likelihoods) -> tuple[Finding, ...]:
    both = np.concatenate([one.train, one.holdout])
    if not np.isfinite(both).all():
        raise ValueError(f"expected finite log-likelihoods, got {int((~np.isfinite(both)).sum())} others")
    if min(len(one.train), len(one.holdout)) < FEWEST:
        found = not_run(f"There are fewer than {FEWEST} people in train or holdout.")
        return tuple(replace(finding, statistic=f"{name}_auc") for finding in found)
    if np.ptp(both) == 0:
        found = not_run("This part of the model finds all records equally likely.")
        return tuple(replace(finding, statistic=f"{name}_auc") for finding in found)
    scored = Scored(
        attack="white_box", name=name, threat=THREAT, note=NOTE.format(name=name), train=one.train, holdout=one.holdout
    )
    found = score_findings(scored)
    memorised = np.logaddexp(np.log1p(-MEMORISED) + one.train, np.log(MEMORISED / len(one.train)))
    elsewhere = np.log1p(-MEMORISED) + one.holdout
    planted = score_findings(replace(scored, train=memorised, holdout=elsewhere))
    return tuple(_with_plant(finding, seen) for finding, seen in zip(found, planted, strict=True))


def _with_plant(finding: Finding, seen: Finding) -> Finding:
    if finding.value is None or seen.value is None or seen.lower is None or seen.upper is None:
        return replace(finding, gating=False)
    planted = {"planted_auc": seen.value, "planted_lower": seen.lower, "planted_upper": seen.upper}
    return replace(finding, gating=False, details={**finding.details, **planted})
