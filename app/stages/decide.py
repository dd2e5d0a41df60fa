"""Applies the policy that the job named to what the attacks found."""

from __future__ import annotations

from collections.abc import Mapping

from app.stage_context import StageContext
from privacy.audit import AuditResult
from privacy.policy import decide, load_policy
from privacy.record import read_audit


def run(context: StageContext) -> None:
    """Publish the verdict, its reasons and what the policy lets follow from it."""
    context.publish_json("decision", decision_on(read_audit(context.fetch_json("audit")), context.options.policy))


def decision_on(result: AuditResult, name: str) -> Mapping[str, object]:
    """The verdict of the policy `name` as JSON values, with what follows from it and how many tables it rests on.

    `tables` were attacked together, this one included; `not_attacked` more are known and were not.
    """
    policy = load_policy(name)
    tables = 1 if result.together is None else result.together.sizes["tables"]
    return {
        **decide(result, policy).to_json(),
        "auto_release": policy.auto_release,
        "four_eyes": policy.four_eyes,
        "tables": tables,
        "not_attacked": result.not_attacked,
    }
