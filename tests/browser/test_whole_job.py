"""The whole job in a real browser: upload, schema, job, progress, review, download, erasure, all through the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import IssuedKey
from app.db import transaction
from app.orm import DatasetRow, JobEventRow, JobRow, ReleaseRow
from app.states import JobState, ReleaseState
from tests.browser.conftest import UPLOAD_LIMIT
from tests.browser.looking import WIDTHS, axe, cut_off, nameless, pale
from tests.support.chromium import Browser
from tests.support.jobs import wait_for
from tests.support.reports import document_bytes
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

REASON = "The limits are met, and the recipient is under contract."
NAME = "people <b>2026.csv"
LONG = "a_very_long_name_of_a_file_" * 5 + "<img src=x onerror=alert(1)>.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("table"), 20)


def written(folder: Path, first: int) -> Path:
    """A table of people, other ones for each first age."""
    path = folder / NAME
    rows = [f"{first + i % 50},{'FM'[i % 2]},{10_000 + first + i * 37 % 9_000},{i % 4}" for i in range(120)]
    path.write_text("\n".join(["age,sex,zip,visits", *rows]), encoding="utf-8")
    return path


def sign_in(page: Browser, web: Web, key: IssuedKey, then: str = "/") -> None:
    page.goto(f"{web.url}{then}")
    page.fill("#key", key.token)
    page.click("main button")


def newest(web: Web, kind: type[DatasetRow] | type[JobRow]) -> str:
    with transaction(web.backend.engine) as session:
        found = session.query(kind).order_by(kind.id.desc()).first()
        assert found is not None
        return found.id


def runs(web: Web, job_id: str, step: int) -> None:
    """The job is at this step of its training, as a worker writes it down."""
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, job_id)
        job.state, job.stage, job.fraction = JobState.RUNNING.value, "train", 0.3
        for at in range(0, step, 50):
            figures = {"step": at, "tables": 1 / (1 + at), "one_way_error": 0.4 / (1 + at)}
            data = {"stage": "train", "fraction": 0.3, "message": f"training, step {at}", "figures": figures}
            session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job_id, kind="progress", data=data))


def finishes(web: Web, tmp_path: Path, job_id: str) -> ReleaseRow:
    """The job ends with a release that waits for a decision."""
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, job_id)
        dataset = session.get_one(DatasetRow, job.dataset_id)
    report = document_bytes(dataset_name=dataset.name)
    return add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset, job=job, verdict="PASS", report=report)


def test_from_upload_to_erasure(page: Browser, web: Web, table: Path, tmp_path: Path) -> None:
    page.requested()
    sign_in(page, web, web.admin)
    page.click('a[href="/datasets/new"]')
    page.choose_file("#file", table)
    page.click("form.card button")
    assert "Data set of 120 records and 4 columns" in page.html()
    page.click('a[href$="/schema"]')
    page.choose('[name="kind.3"]', down=-1)
    page.click(".stay button")
    dataset_id = newest(web, DatasetRow)
    with transaction(web.backend.engine) as session:
        kinds = [column["kind"] for column in session.get_one(DatasetRow, dataset_id).table_schema]
    assert kinds[3] == "categorical"
    page.click('a[href^="/jobs/new"]')
    page.fill("#rows", "many")
    page.fill("#conditions", "sex = F")
    page.click("form.card button")
    assert "rows-fault" in page.html()
    page.evaluate("document.querySelector('#rows').value = '80'")
    page.click("form.card button")
    assert "Waits for a worker" in page.html()
    job_id = newest(web, JobRow)
    runs(web, job_id, 600)
    page.wait_until("document.querySelector('progress')?.value === .3 && document.querySelectorAll('svg.curve').length")
    assert "Training, step 550" in page.html()
    page.offline(on=True)
    page.wait_until("!document.querySelector('#unreachable').hidden")
    page.offline(on=False)
    page.wait_until("document.querySelector('#unreachable').hidden")
    release = finishes(web, tmp_path, job_id)
    page.wait_until(f"document.querySelector('a[href=\"/releases/{release.id}\"]')")
    page.click(f'a[href="/releases/{release.id}"]')
    page.fill("#reason", REASON)
    page.click("button.approve")
    page.download_to(tmp_path / "got")
    page.click('a[href$="data.csv"]', loads=False)
    wait_for("the table is there", lambda: list((tmp_path / "got").glob("*.csv")))
    page.goto(f"{web.url}/datasets/{dataset_id}/delete")
    page.fill("#name", NAME)
    page.click("button.reject")
    assert "There is no data set yet" in page.html()
    assert all(url.startswith((web.url, "data:")) for url in page.requested())
    assert page.evaluate("document.title") != "1"


def test_without_scripts_on_a_phone(page: Browser, web: Web, tmp_path: Path) -> None:
    page.scripts(on=False)
    page.size(390, 844, mobile=True)
    sign_in(page, web, web.admin, "/datasets/new")
    page.choose_file("#file", written(tmp_path, 200))
    page.click("form.card button")
    page.click('a[href$="/schema"]')
    page.choose('[name="kind.3"]', down=-1)
    page.click(".stay button")
    page.click('a[href^="/jobs/new"]')
    page.click("form.card button")
    assert 'http-equiv="refresh"' in page.html()
    job_id = newest(web, JobRow)
    finishes(web, tmp_path, job_id)
    page.goto(f"{web.url}/jobs/{job_id}")
    page.click('#live a[href^="/releases/"]')
    page.fill("#reason", REASON)
    page.click("button.approve")
    assert "Approved by" in page.html()
    page.goto(f"{web.url}/datasets/{newest(web, DatasetRow)}/delete")
    page.fill("#name", NAME)
    page.click("button.reject")
    assert "There is no data set yet" in page.html()


def tab_to(page: Browser, name: str) -> None:
    """Go on by Tab until the element of this name or text has the focus."""
    here = "document.activeElement.name || document.activeElement.textContent.trim()"
    for _ in range(60):
        page.press("Tab")
        if page.evaluate(here) == name:
            return
    raise AssertionError(f"expected {name!r} within 60 presses of Tab")


def test_a_job_by_keyboard_alone(page: Browser, web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    page.goto(f"{web.url}/datasets/{dataset.id}/schema")
    page.wait_for_focus("#email")
    tab_to(page, "key")
    page.type(web.admin.token)
    page.press("Enter", loads=True)
    tab_to(page, "kind.2")
    page.press("ArrowDown")
    tab_to(page, "Save")
    page.press("Enter", loads=True)
    tab_to(page, "Start a job")
    page.press("Enter", loads=True)
    tab_to(page, "rows")
    page.type("50")
    tab_to(page, "secret.1")
    page.press(" ")
    tab_to(page, "Start the job")
    page.press("Enter", loads=True)
    job_id = newest(web, JobRow)
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, job_id)
        kinds = [column["kind"] for column in session.get_one(DatasetRow, dataset.id).table_schema]
    assert kinds[2] == "numerical"
    assert (job.options["rows"], job.options["secrets"]) == (50, ["city"])
    tab_to(page, "Cancel")
    page.press("Enter", loads=True)
    tab_to(page, "Cancel the job")
    page.press("Enter", loads=True)
    assert "Somebody cancelled it" in page.html()


def test_a_file_that_is_too_large_and_a_connection_that_breaks_are_told(
    page: Browser, web: Web, table: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"a,b\n" * (UPLOAD_LIMIT // 3))
    sign_in(page, web, web.admin, "/datasets/new")
    page.choose_file("#file", large)
    assert "the limit here is 2.0 MB" in page.evaluate("document.querySelector('#file').validationMessage")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    page.choose_file("#file", empty)
    page.fill("#name", "kept")
    page.click("form.card button", loads=False)
    page.wait_for_focus("[role=alert]")
    assert page.evaluate("document.querySelector('#name').value") == "kept"
    page.choose_file("#file", table)
    page.offline(on=True)
    page.click("form.card button", loads=False)
    page.wait_until("document.querySelector('#upload-said').textContent.startsWith('The connection broke off')")
    page.offline(on=False)
    assert page.evaluate("document.querySelector('#name').value") == "kept"
    page.scripts(on=False)
    page.goto(f"{web.url}/datasets/new")
    page.choose_file("#file", large)
    page.fill("#name", "typed")
    page.click("form.card button")
    assert "Expected a file of at most 2,000,000 bytes" in page.html()
    assert 'value="typed"' in page.html()
    assert web.scratch_is_empty()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_cuts_text_off_and_axe_finds_nothing(page: Browser, web: Web, tmp_path: Path, width: int) -> None:
    dataset = add_dataset(web, tmp_path)
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, dataset.id).name = LONG
    running, failed = (add_job(web, dataset, state) for state in (JobState.RUNNING, JobState.FAILED))
    runs(web, running.id, 600)
    release = add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset, report=document_bytes())
    fresh = add_dataset(web, tmp_path)
    paths = [
        *("/", "/datasets", "/datasets/new", "/jobs", "/models", "/jobs/job_none", "/service", "/audit?check=1"),
        *(f"/datasets/{dataset.id}", f"/datasets/{dataset.id}/delete", f"/datasets/{fresh.id}/reading"),
        *(f"/datasets/{fresh.id}/schema", f"/datasets/{fresh.id}/delete", f"/jobs/new?dataset={dataset.id}"),
        *(f"/jobs/{running.id}", f"/jobs/{failed.id}", f"/jobs/{release.job_id}", f"/jobs/{running.id}/cancel"),
        *(f"/jobs/compare?job={running.id}&job={release.job_id}", f"/models/{release.model_id}/samples"),
    ]
    page.size(width, mobile=width < 500)
    sign_in(page, web, web.admin)
    for place, path in enumerate(paths):
        page.dark(on=place % 2 == 0)
        page.goto(f"{web.url}{path}")
        assert cut_off(page) == [], path
        if width == WIDTHS[0]:
            assert [nameless(page), pale(page), axe(page)] == [[], [], []], path
