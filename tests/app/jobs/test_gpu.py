"""Workers tell how full their GPU is. The driver's program is played: the machines that run the tests have no GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs.gpu import MIB, GpuMemory, gpu_memory
from app.jobs.heartbeat import Heart, gpus
from tests.support.jobs import Shop


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `nvidia-smi` that answers for the GPUs 0 and 1."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*--id=0) echo '512, 143771' ;;\n"
        "*--id=1) echo '70000, 143771' ;;\n"
        "*) echo 'No devices were found'; exit 6 ;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


@pytest.mark.parametrize(
    ("visible", "used"), [(None, 512), ("0", 512), ("1,0", 70_000), ("7", None), ("", None), ("-1", None)]
)
def test_the_first_gpu_that_may_be_used_is_asked(
    driver: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, used: int | None
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_memory() == (None if used is None else GpuMemory(used=used * MIB, total=143_771 * MIB))


@pytest.mark.parametrize("answer", ["[N/A], [N/A]", "", "1,2,3"])
def test_a_driver_that_does_not_say_is_no_error(driver: Path, answer: str) -> None:
    driver.write_text(f"#!/bin/sh\necho '{answer}'\n")
    assert gpu_memory() is None


def test_without_a_driver_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_memory() is None


def test_memory_is_told_of_workers_that_have_a_gpu_and_live(shop: Shop) -> None:
    one, other = Heart(shop.engine, 0), Heart(shop.engine, 1)
    for heart in (one, other):
        heart.beat()
    memory = GpuMemory(used=5, total=9)
    one.tell_memory(memory)
    other.tell_memory(None)
    one.beat()
    assert gpus(shop.engine) == {0: memory}
    Heart(shop.engine, 0).beat()  # another process in the same slot has not said yet
    assert gpus(shop.engine) == {}
    one.tell_memory(memory)  # the earlier one says nothing of it any more
    assert gpus(shop.engine) == {}
