"""Applies the policy that the job named to what the attacks found."""

from __future__ import annotations

from app.desk import Desk
from privacy.policy import decide, load_policy
from privacy.record import read_audit


def run(desk: Desk) -> None:
    """Publish the verdict, its reasons and what the policy lets follow from it."""
    policy = load_policy(desk.options.policy)
    decision = decide(read_audit(desk.fetch_json("audit")), policy)
    desk.publish_json(
        "decision",
        {**decision.to_json(), "auto_release": policy.auto_release, "four_eyes": policy.four_eyes},
    )
