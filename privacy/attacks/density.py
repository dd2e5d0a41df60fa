"""A4: is the synthetic table denser around a person than the population is?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from privacy.about import About, Question
from privacy.evidence import Evidence
from privacy.features import Matrix, components
from privacy.finding import Finding
from privacy.kernel import (
    Block,
    Kernel,
    density_ratio,
    exponents_of,
    fit_kernel,
    in_blocks,
    log_density,
    merged,
    silverman,
)
from privacy.plants import Plant
from privacy.scores import (
    ASKS,
    FEWEST_REFERENCE,
    FEWEST_SYNTHETIC,
    NO_REFERENCE,
    Scored,
    Scores,
    none_applicable,
    score_findings,
)
from privacy.threat import FILE_AND_REFERENCE
from synth.threads import one_thread

ABOUT = About(
    title="Density ratio",
    question=Question.MEMBERSHIP,
    statistics={
        "domias": "DOMIAS",
        "gen_lra": "Gen-LRA",
    },
    plants=(Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10, Plant.JITTERED_COPY),
)

NEIGHBOURS = 5
"""Synthetic records whose likelihood Gen-LRA looks at, per person."""
FEWEST_PEOPLE = 2
MOST_SYNTHETIC = 15_000
MOST_REFERENCE = 5_000
MOST_REFITTED = 1_000
"""Reference records that Gen-LRA refits a density on; one refit per person."""
MOST_PEOPLE_REFITTED = 5_000
"""People per side whom Gen-LRA attacks; DOMIAS attacks all."""
THREAT = FILE_AND_REFERENCE + ASKS
NAMES = ("domias", "gen_lra")


def density(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """Per attack the AUC (`density.domias_auc`, `density.gen_lra_auc`) and rates at 1 % and 0.1 % false positives.

    `domias`: score = log p_S(x) - log p_R(x) (van Breugel et al. 2023, arXiv 2302.12580, eq. 2). `gen_lra`: the gain
    in log-likelihood of the five synthetic records nearest to x when x joins the reference (Ward et al. 2025,
    Synth-MIA, arXiv 2509.18014). Both on at most ten principal components of S and R together, with a Gaussian kernel
    density whose bandwidth is Silverman's. A kernel this wide smooths a copied record away among its like: strongest
    where a generator crowds around its records, weak on a few verbatim copies. Larger tables are sampled by `rng`:
    15,000 of S, 5,000 of R, and for `gen_lra` 1,000 of R and 5,000 people per side; the intervals are of those people.
    """
    reason = _reason_against(evidence)
    if reason is not None:
        return tuple(f for name in NAMES for f in none_applicable("density", name, threat=THREAT, reason=reason))
    reference = evidence.reference
    assert reference is not None  # noqa: S101 - for the type checker: the reason against says so
    synthetic = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    reference = reference.take(rng.permutation(len(reference))[:MOST_REFERENCE])
    with one_thread():
        (near, others), (train, holdout) = components([synthetic, reference], [evidence.train, evidence.holdout])
        if near.shape[1] == 0:
            reason = "The synthetic and the reference records do not differ in any column."
            return tuple(f for name in NAMES for f in none_applicable("density", name, threat=THREAT, reason=reason))
        n = min(len(train), len(holdout), MOST_PEOPLE_REFITTED)
        ratio = [density_ratio(people, near, others) for people in (train, holdout)]
        gain = [likelihood_gain(people[:n], near, others[:MOST_REFITTED], NEIGHBOURS) for people in (train, holdout)]
    scored = [
        Scored(attack="density", name=name, train=score[0], holdout=score[1], threat=THREAT)
        for name, score in zip(NAMES, (ratio, gain), strict=True)
    ]
    return tuple(finding for one in scored for finding in score_findings(one))


def _reason_against(evidence: Evidence) -> str | None:
    if evidence.reference is None or len(evidence.reference) < FEWEST_REFERENCE:
        return NO_REFERENCE
    if len(evidence.synthetic) < FEWEST_SYNTHETIC:
        return f"A density takes at least {FEWEST_SYNTHETIC} synthetic records."
    if min(len(evidence.train), len(evidence.holdout)) < FEWEST_PEOPLE:
        return "There are too few records in train or holdout."
    return None


def likelihood_gain(people: Matrix, synthetic: Matrix, reference: Matrix, k: int) -> Scores:
    """Gen-LRA: per person x, the sum over the k synthetic records nearest to x of log p_{R with x} - log p_R.

    All records x components; nearest by Euclidean distance.
    """
    near = np.asarray(cKDTree(synthetic).query(people, k=range(1, min(k, len(synthetic)) + 1))[1], dtype=np.intp)
    without, joined = likelihoods(people, synthetic, reference, near)
    gain: Scores = (joined - without).sum(axis=1)
    return gain


def likelihoods(people: Matrix, synthetic: Matrix, reference: Matrix, near: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
    """Log p_R and log p_{R with x} of the synthetic records `near` each person x, people x neighbours.

    The density with x is fitted anew, covariance and bandwidth included. With Sigma the covariance of the n reference
    records, the new one is (n-1)/n (Sigma + c (x - mean)(x - mean)'), c = n / ((n+1)(n-1)); its inverse follows by
    Sherman & Morrison (1950), so that no matrix is inverted per person.
    """
    fitted = fit_kernel(reference)
    scale = np.float32(fitted.width)
    e, s, r = (fitted.whitened(table) * scale for table in (people, synthetic, reference))

    def with_person(rows: slice) -> Matrix:
        return np.stack([_refitted(e[rows], s[near[rows, j]], r, fitted) for j in range(near.shape[1])], axis=1)

    return log_density(synthetic, reference)[near], in_blocks(len(people), with_person)


def _refitted(e: Block, s: Block, r: Block, fitted: Kernel) -> Scores:
    """Log p_{R with x}(s) for pairs of a person (whitened `e`) and a synthetic record (whitened `s`)."""
    n, d = r.shape
    c, shrink, width = n / ((n + 1) * (n - 1)), (n - 1) / n, silverman(n + 1, d)
    length = (e * e).sum(axis=1)
    pull = (c / (1 + c * length))[:, None].astype(np.float32)
    sharp = np.float32(1 / (shrink * width**2))
    along = (s * e).sum(axis=1)[:, None] - e @ r.T
    exponents = sharp * (exponents_of(s, r) + 0.5 * pull * along * along)
    own_along = (s * e).sum(axis=1) - length
    own = -0.5 * sharp * (((s - e) ** 2).sum(axis=1) - pull[:, 0] * own_along**2)
    peak, total = merged(own.astype(np.float64), np.ones(len(own)), exponents)
    norm = fitted.log_norm + d * np.log(fitted.width) - d * np.log(width)
    norm = norm - 0.5 * (d * np.log(shrink) + np.log1p(c * length.astype(np.float64)))
    result: Scores = peak + np.log(total) + norm - np.log(n + 1)
    return result
