"""Writes the report: one JSON document, and the page that renders it."""

from __future__ import annotations

from app.report.document import build
from app.report.page import render
from app.stage_context import StageContext
from app.stages.artefacts import search_report
from app.stages.decide import decision_on
from privacy.record import read_audit


def run(context: StageContext) -> None:
    """Publish the report and its page, and the verdict anew with what was found in them.

    The report is itself a release: before it is published it is searched for training records, and a find decides like
    any other. What is added to the report by that are numbers of finds.
    """
    parts = {name: context.fetch_json(name) for name in ("split", "training", "fidelity", "audit", "decision")}
    facts = {**context.task.facts, "schema": context.schema.to_json()}
    draft = build(facts=facts, **parts)
    audit = read_audit(parts["audit"]).joined(search_report(context, [draft, parts["split"], parts["training"]]))
    decision = decision_on(audit, context.options.policy)
    document = build(facts=facts, **{**parts, "audit": audit.to_json(), "decision": decision})
    context.publish_json("decision", decision)
    context.publish_json("report", document)
    page = context.folder / "page.html"
    page.write_text(render(document), encoding="utf-8")
    context.publish("page", page)
