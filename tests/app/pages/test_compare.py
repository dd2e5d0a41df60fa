"""The page that compares two releases: all that differs, nothing of another tenant, nothing where a report is gone."""

from __future__ import annotations

from pathlib import Path

from app.report.diff import differences
from app.states import ReleaseState
from tests.app.pages.test_pages import HOSTILE, browser
from tests.app.report.reader import Reader
from tests.privacy.test_policy import result
from tests.support.reports import LEAK, document, document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web


def test_two_releases_stand_side_by_side_with_all_that_differs(web: Web, tmp_path: Path) -> None:
    leaks = result(**{"linkability.k1": LEAK})
    options = {"conditions": {HOSTILE: "a"}}
    first = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes(options=options))
    second = add_release(web, tmp_path, ReleaseState.BLOCKED, report=document_bytes(leaks), verdict="BLOCK")
    with browser(web, web.reviewer) as client:
        assert f"/compare?first={first.id}" in client.get(f"/releases/{first.id}").text
        choice = client.get("/compare", params={"first": first.id})
        assert f'value="{second.id}"' in choice.text
        answer = client.get("/compare", params={"first": first.id, "second": second.id})
        assert answer.status_code == 200
        text, reader = Reader(answer.text).text, Reader(answer.text)
        lines = differences(document(options=options), document(leaks))
        differing = [line for line in lines if line.verdict != "equal"]
        assert f"{len(differing)} of {len(lines)} things differ" in text
        for line in differing:
            if line.part in {"finding", "score", "fidelity"}:
                assert line.first in text
                assert line.second in text
                assert line.noise in text
        assert "Leak proven" in text
        assert "beyond noise" in text
        assert reader.unbalanced == []
        assert reader.named("script") == []


def test_releases_of_others_and_reports_that_are_gone_are_not_compared(web: Web, tmp_path: Path) -> None:
    ours = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    old = add_release(web, tmp_path, ReleaseState.REJECTED)
    gone = add_release(web, tmp_path, ReleaseState.REJECTED, report=document_bytes())
    web.backend.blobs.delete_prefix(f"{gone.tenant_id}/jobs/{gone.job_id}")
    dataset = add_dataset(web, tmp_path, tenant_id=web.stranger.tenant_id)
    theirs = add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset, report=document_bytes())
    with browser(web, web.reviewer) as client:
        for first, second in ((ours.id, theirs.id), (theirs.id, ours.id), (ours.id, "release_none")):
            assert client.get("/compare", params={"first": first, "second": second}).status_code == 404
        assert theirs.id not in client.get("/compare", params={"first": ours.id}).text
        for other, words in ((old, "older format"), (gone, "not there any more")):
            answer = client.get("/compare", params={"first": ours.id, "second": other.id})
            assert answer.status_code == 200
            assert words in answer.text
            assert "things differ" not in answer.text
        assert client.get("/compare").status_code == 422
    with browser(web) as client:
        assert client.get(f"/compare?first={ours.id}").status_code == 303
