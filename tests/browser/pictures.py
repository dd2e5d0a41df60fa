"""Makes the pictures of README and docs: `python -m tests.browser.pictures out/demo/report.json`, after `./run demo`.

The service, its pages and the browser are the real ones. Only the worker is left out: the report is that of the demo,
and the job that runs says what the demo's training said.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from app.config import Settings
from app.db import migrate, transaction
from app.orm import DatasetRow, JobEventRow, JobRow, ReleaseRow
from app.report.page import render
from app.report.wording import CURVES
from app.states import JobState, ReleaseState
from tests.privacy.test_policy import result
from tests.support.chromium import Browser, running
from tests.support.reports import LEAK, document
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web, serve

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
EXAMPLE = Path(__file__).parents[2] / "examples" / "adult.csv.gz"
RECORDS = 5_001
MAX_BYTES = 150_000
COLOURS = 64
STATES = {"PASS": ReleaseState.IN_REVIEW, "REVIEW": ReleaseState.IN_REVIEW, "BLOCK": ReleaseState.BLOCKED}
OTHERS = (("survey-2026.csv", result()), ("claims.parquet", result(**{"linkability.k1": LEAK})))


def add(web: Web, folder: Path, name: str, report: dict[str, object]) -> ReleaseRow:
    """A release with this report, as a worker leaves it."""
    dataset = add_dataset(web, folder)
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, dataset.id).name = name
    verdict = str(report["verdict"]["verdict"])  # type: ignore[index]
    state = STATES.get(verdict, ReleaseState.VOID)
    release = add_release(web, folder, state, dataset=dataset, verdict=verdict, report=json.dumps(report).encode())
    sizes = {fact["name"]: fact["value"] for fact in report["protocol"]["sizes"]}  # type: ignore[index]
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReleaseRow, release.id)
        row.rows = int(sizes["synthetic, in the audit"].replace(",", ""))
        row.reasons = list(report["verdict"]["reasons"])  # type: ignore[index]
    return release


def engineer(web: Web, folder: Path, browser: Browser, report: dict[str, Any]) -> None:
    """The pages of whoever sends data: a schema to correct, and a job that runs."""
    with gzip.open(EXAMPLE, "rt", encoding="utf-8") as table:
        (folder / "adult.csv").write_text("".join(islice(table, RECORDS)), encoding="utf-8")
    browser.size(1280, 860)
    browser.send("Network.clearBrowserCookies")
    browser.goto(f"{web.url}/datasets/new")
    browser.fill("#key", web.admin.token)
    browser.click("main button")
    browser.choose_file("#file", folder / "adult.csv")
    browser.click("form.card button")
    browser.click('a[href$="/schema"]')
    picture(browser, "schema")
    browser.goto(f"{web.url}/jobs/new?dataset={newest(web, DatasetRow)}")
    browser.click("form.card button")
    job_id = newest(web, JobRow)
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, job_id)
        job.state, job.stage, job.fraction = JobState.RUNNING.value, "train", 0.38
        for data in events(report):
            session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job_id, kind="progress", data=data))
    browser.size(1280, 1000)
    browser.goto(f"{web.url}/jobs/{job_id}?pause=true")
    picture(browser, "job")


def events(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What the training of the report's job said as it went, as far as the report has kept it."""
    figures: dict[int, dict[str, float]] = {}
    keys = {words: key for key, words in CURVES.items()}
    for curve in (*report["training"]["losses"], *report["training"]["metrics"]):
        name = keys.get(curve["name"], curve["name"].replace(" ", "_")).removesuffix("_loss")
        for step, value in zip(curve["steps"], curve["values"], strict=True):
            figures.setdefault(step, {"step": step})[name] = value
    says = "training, step {step}"
    return [
        {"stage": "train", "fraction": 0.38, "message": says.format(step=step), "figures": figures[step]}
        for step in sorted(figures)
    ]


def newest(web: Web, kind: type[DatasetRow] | type[JobRow]) -> str:
    """The id of the newest row."""
    with transaction(web.backend.engine) as session:
        return session.scalars(select(kind.id).order_by(kind.id.desc())).first() or ""


def picture(browser: Browser, name: str) -> None:
    """The screen as a small PNG."""
    path = PICTURES / f"{name}.png"
    browser.picture(path)
    with Image.open(path) as shot:
        shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"expected {path.name} of at most {MAX_BYTES} bytes, got {path.stat().st_size}")


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    report = json.loads(parser.parse_args().report.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(home=folder / "home", device="cpu")
        migrate(settings)
        (folder / "report.html").write_text(render(report), encoding="utf-8")
        with serve(settings) as web, running(folder / "profile") as browser:
            for other, audit in OTHERS:
                add(web, folder, other, document(audit))
            release = add(web, folder, "adult.csv.gz", report)
            browser.size(1280, 860)
            browser.goto(f"{web.url}/sign-in")
            browser.fill("#key", web.reviewer.token)
            browser.click("button")
            browser.size(1280, 380)
            browser.goto(f"{web.url}/releases?state=all")
            picture(browser, "review-queue")
            browser.size(1280, 900)
            browser.goto(f"{web.url}/releases/{release.id}")
            picture(browser, "release-page")
            browser.size(390, 844, mobile=True)
            browser.goto((folder / "report.html").as_uri())
            picture(browser, "report-on-a-phone")
            engineer(web, folder, browser, report)
            browser.dark(on=True)
            browser.size(1280, 900)
            browser.goto((folder / "report.html").as_uri())
            picture(browser, "report-dark")


if __name__ == "__main__":
    main()
