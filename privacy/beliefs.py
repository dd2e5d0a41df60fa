"""Belief propagation: what is known about several columns at once, given how their values go together nearby."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Chances = NDArray[np.float64]

LEAST = 1e-12
"""Chances below this share of the row's mean count as this much, so that no product of messages vanishes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """An edge of a tree over columns, which are named by their positions."""

    parent: int
    child: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """A column that is not known of some people."""

    chances: Chances
    """(people, values) how likely each value is, before the other hidden columns are asked."""
    nearby: Codes
    """(people, neighbours) the value of each record that resembles the person."""


def mutual_information(first: Codes, second: Codes) -> float:
    """The mutual information of two columns of codes, in nats, from their counts (Cover & Thomas 2006, eq. 2.28)."""
    counts = np.zeros((int(first.max(initial=0)) + 1, int(second.max(initial=0)) + 1))
    np.add.at(counts, (first, second), 1.0)
    joint = counts / max(1, len(first))
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def spanning_tree(columns: Sequence[Codes]) -> tuple[Edge, ...]:
    """The tree over all columns with the most mutual information (Chow & Liu 1968), each parent before its children.

    Column 0 is the root. Prim's algorithm (1957). A single column has no edges.
    """
    tie = {other: (0, mutual_information(columns[0], columns[other])) for other in range(1, len(columns))}
    edges = []
    while tie:
        child = max(tie, key=lambda other: tie[other][1])
        edges.append(Edge(parent=tie.pop(child)[0], child=child))
        for other, (_, strength) in tie.items():
            found = mutual_information(columns[child], columns[other])
            if found > strength:
                tie[other] = (child, found)
    return tuple(edges)


def propagate(columns: Sequence[Hidden], edges: Sequence[Edge]) -> tuple[Chances, ...]:
    """The chances of each column's values once all columns of a tree are heard: (people, values), rows sum to 1.

    Sum-product message passing (Pearl 1988, chapter 4), exact on a tree. The potential of an edge is the ratio
    P(a, b) / (P(a) P(b)) among the person's neighbours, where one further neighbour counts as spread evenly over all
    pairs of values. `edges` name parents before their children, as `spanning_tree` does.
    """
    inward = [column.chances for column in columns]
    upward: list[Chances] = []
    for edge in reversed(edges):
        upward.append(_message(columns[edge.child], columns[edge.parent], inward[edge.child]))
        inward[edge.parent] = _normed(inward[edge.parent] * upward[-1])
    beliefs = list(inward)
    for edge, told in zip(edges, reversed(upward), strict=True):
        others = _normed(beliefs[edge.parent] / told)
        message = _message(columns[edge.parent], columns[edge.child], others)
        beliefs[edge.child] = _normed(inward[edge.child] * message)
    return tuple(_normed(belief) for belief in beliefs)


def _message(sender: Hidden, receiver: Hidden, weights: Chances) -> Chances:
    """(people, values of the receiver): for each value a the sum over the sender's b of ratio(a, b) x weights(b).

    Only pairs that neighbours have, and the evenly spread one, have any weight: so the table of all pairs is never
    built.
    """
    many, values = receiver.chances.shape
    people = np.arange(many)[:, None]
    sent = weights / _frequencies(sender)
    told = np.take_along_axis(sent, sender.nearby, axis=1)
    places = (people * values + receiver.nearby).ravel()
    heard = np.bincount(places, weights=told.ravel(), minlength=many * values).reshape(many, values)
    spread = sent.sum(axis=1, keepdims=True) / (values * sender.chances.shape[1])
    return _normed((heard + spread) / _frequencies(receiver))


def _frequencies(column: Hidden) -> Chances:
    """(people, values) how many of the person's neighbours have each value, with one spread evenly over all values."""
    many, values = column.chances.shape
    places = (np.arange(many)[:, None] * values + column.nearby).ravel()
    counts = np.bincount(places, minlength=many * values).reshape(many, values)
    spread: Chances = counts + 1.0 / values
    return spread


def _normed(chances: Chances) -> Chances:
    raised = np.maximum(chances, LEAST * chances.mean(axis=1, keepdims=True))
    out: Chances = raised / raised.sum(axis=1, keepdims=True)
    return out
