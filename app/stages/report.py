"""Writes the report: one JSON document, and the page that renders it."""

from __future__ import annotations

from app.desk import Desk
from app.report.document import build
from app.report.page import render


def run(desk: Desk) -> None:
    """Publish the report and its page."""
    parts = {name: desk.fetch_json(name) for name in ("split", "training", "fidelity", "audit", "decision")}
    document = build(facts={**desk.task.facts, "schema": desk.schema.to_json()}, **parts)
    desk.publish_json("report", document)
    page = desk.folder / "page.html"
    page.write_text(render(document), encoding="utf-8")
    desk.publish("page", page)
