"""How large the parts are into which a data set is divided. Loads nothing heavy."""

from __future__ import annotations

HOLDOUT_SHARE = 0.25
"""Of the people: whom attacks are measured on."""
REFERENCE_SHARE = 0.15
"""Whom attackers are given as others."""
VALIDATION_SHARE = 0.03
"""Who tells when a training should stop."""
