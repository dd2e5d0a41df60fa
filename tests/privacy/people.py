"""Fabricated customers with names, e-mails, telephones, numbers and notes: as many as a test wants, all different."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from privacy.threat import AuditTables
from synth.detect.propose import propose_schema
from synth.table.schema import TableSchema

SYLLABLES = [a + b for a in "bdfklmnrst" for b in "aeio"]
FIRST = ["James", "Mary", "Zoë", "Jörg", "Łukasz", "Anna", "Robert", "Linda", "David", "Susan", "Karen", "Thomas"]
BOILERPLATE = "The customer called the hotline and asked for a copy of the latest invoice."
"""A sentence that half of the notes share."""


@cache
def whole(n: int = 12_000) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    first = rng.choice(FIRST, n)
    last = ["".join(rng.choice(SYLLABLES, 3)).title() for _ in range(n)]
    number = rng.permutation(900_000)[:n] + 100_000
    domain = rng.choice(["gmail.com", "example.org", "example.com"], n)
    words = rng.choice([a + b for a in SYLLABLES for b in SYLLABLES], (n, 12))
    shared = rng.random(n) < 0.5
    return pd.DataFrame(
        {
            "first": first,
            "last": last,
            "email": [f"{b}.{k}@{d}".lower() for b, k, d in zip(last, number, domain, strict=True)],
            "phone": [
                f"+49 {a} {b}"
                for a, b in zip(rng.integers(30, 999, n), rng.permutation(9 * n)[:n] + 10**6, strict=True)
            ],
            "customer_id": [f"{i:08d}" for i in rng.permutation(10_000_000)[:n]],
            "hotline": "+49 800 1234567",
            "age": rng.integers(18, 90, n),
            "note": [f"{BOILERPLATE if s else ''} {' '.join(w)}".strip() for s, w in zip(shared, words, strict=True)],
        }
    )


def tables(seed: int, *, n: int = 1000, holdout: int = 1000) -> AuditTables:
    """Three disjoint draws: no leak."""
    drawn = whole().sample(2 * n + holdout, random_state=seed).reset_index(drop=True)
    train, others, synthetic = (
        drawn.iloc[a:b].reset_index(drop=True) for a, b in ((0, n), (n, n + holdout), (n + holdout, 2 * n + holdout))
    )
    return AuditTables(train=train, holdout=others, synthetic=synthetic, schema=schema())


def with_reference(seed: int, *, n: int, reference: int) -> AuditTables:
    """The same with a reference of further people."""
    drawn = whole().sample(3 * n + reference, random_state=seed).reset_index(drop=True)
    parts = {"train": (0, n), "holdout": (n, 2 * n), "synthetic": (2 * n, 3 * n), "reference": (3 * n, len(drawn))}
    frames = {name: drawn.iloc[a:b].reset_index(drop=True) for name, (a, b) in parts.items()}
    return AuditTables(schema=schema(), **frames)


@cache
def schema() -> TableSchema:
    return propose_schema(whole())
