"""Gaussian kernel densities, and how much denser one table is around a record than another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Scores = NDArray[np.float64]
Block = NDArray[np.float32]

FLOOR = 1e-5
"""No direction of a density has less than this share of the mean variance: records that all agree stay finite."""
QUERY_BLOCK = 64
SAMPLE_BLOCK = 4096
WORKERS = 2


def density_ratio(people: Matrix, synthetic: Matrix, reference: Matrix) -> Scores:
    """DOMIAS: log p_S(x) - log p_R(x) per person, each density fitted on its own table. All records x components."""
    return log_density(people, synthetic) - log_density(people, reference)


def log_density(queries: Matrix, sample: Matrix) -> Scores:
    """The log of the Gaussian kernel density of `sample` at each query, as `scipy.stats.gaussian_kde` defines it.

    Bandwidth: Silverman's factor times the covariance of the sample (Silverman 1986, eq. 4.14), its eigenvalues kept
    at or above FLOOR of their mean so that a degenerate sample has a density too.
    """
    fitted = fit_kernel(sample)
    points, targets = fitted.whitened(sample), fitted.whitened(queries)
    constant = fitted.log_norm - float(np.log(len(sample)))
    return in_blocks(len(targets), lambda rows: _log_kernel_sums(targets[rows], points)) + constant


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """A Gaussian kernel: coordinates in which it is of unit width, and the log of its value at 0."""

    centre: Matrix
    axes: Matrix
    """Columns are eigenvectors over the square roots of their eigenvalues: the covariance becomes the identity."""
    width: float
    """Silverman's factor."""
    log_norm: float

    def whitened(self, records: Matrix) -> Block:
        """The records in the kernel's coordinates, float32."""
        turned: Block = ((records - self.centre) @ (self.axes / self.width)).astype(np.float32)
        return turned


def fit_kernel(sample: Matrix) -> Kernel:
    """The kernel of a density of `sample`, records x components."""
    n, d = sample.shape
    variance, axes = np.linalg.eigh(np.atleast_2d(np.cov(sample, rowvar=False)))
    variance = np.maximum(variance, FLOOR * max(float(variance.mean()), FLOOR))
    width = silverman(n, d)
    log_norm = -0.5 * d * np.log(2 * np.pi) - 0.5 * float(np.log(variance).sum()) - d * np.log(width)
    return Kernel(centre=sample.mean(axis=0), axes=axes / np.sqrt(variance), width=width, log_norm=float(log_norm))


def silverman(n: int, d: int) -> float:
    """The factor of the bandwidth for n records in d dimensions (Silverman 1986, eq. 4.14)."""
    return float((n * (d + 2) / 4) ** (-1 / (d + 4)))


def in_blocks(n: int, score: Callable[[slice], Scores]) -> Scores:
    """The scores of n records, QUERY_BLOCK of them at a time in WORKERS threads."""
    starts = [slice(start, start + QUERY_BLOCK) for start in range(0, n, QUERY_BLOCK)]
    with ThreadPoolExecutor(WORKERS) as pool:
        return np.concatenate(list(pool.map(score, starts)))


def _log_kernel_sums(targets: Block, points: Block) -> Scores:
    """Log of the sum over the points of exp(-|t - p|^2 / 2), per target, without underflow."""
    peak = np.full(len(targets), -np.inf)
    total = np.zeros(len(targets))
    for left in range(0, len(points), SAMPLE_BLOCK):
        peak, total = merged(peak, total, exponents_of(targets, points[left : left + SAMPLE_BLOCK]))
    return peak + np.log(total)


def merged(peak: Scores, total: Scores, exponents: Block) -> tuple[Scores, Scores]:
    """Sums of exponentials, each written as total x exp(peak), with those of more `exponents` added in."""
    top = np.maximum(peak, exponents.max(axis=1))
    exponents -= top[:, None].astype(np.float32)
    np.exp(exponents, out=exponents)
    added: Scores = exponents.sum(axis=1, dtype=np.float64)
    return top, total * np.exp(peak - top) + added


def exponents_of(left: Block, right: Block) -> Block:
    """-|l - r|^2 / 2 for all pairs, by one matrix product of coordinates with two more that carry the lengths."""
    one = np.ones((1, 1), dtype=np.float32)
    halves = [-0.5 * (side * side).sum(axis=1, keepdims=True) for side in (left, right)]
    wide = np.concatenate([left, halves[0], np.broadcast_to(one, halves[0].shape)], axis=1)
    tall = np.concatenate([right, np.broadcast_to(one, halves[1].shape), halves[1]], axis=1)
    out: Block = wide @ tall.T
    return out
