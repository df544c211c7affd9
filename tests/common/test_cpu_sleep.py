"""Keeping CPUs awake: what is written and held, and every way in which it cannot be."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sleepless import REAL_DEVICE, StandIns, can_be_kept_awake, make_stand_ins

from rtmesh.common.cpu_sleep import check_cpus_can_be_kept_awake, keep_cpus_awake
from rtmesh.common.errors import FailedPreconditionError

NOBODY = 65534


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    made = make_stand_ins(tmp_path)
    made.use(monkeypatch)
    return made


@contextlib.contextmanager
def without_roots_rights() -> Iterator[None]:
    """As a user for whom permissions count."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def refusal() -> FailedPreconditionError:
    with pytest.raises(FailedPreconditionError) as told:
        keep_cpus_awake()
    assert told.value.message.startswith("the CPUs cannot be kept awake: ")
    assert told.value.remedy
    return told.value


def open_files() -> list[Path]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(entry.readlink())
    return found


def test_a_limit_of_0_us_is_written_and_the_device_held_open(kernel: StandIns) -> None:
    descriptor = keep_cpus_awake()

    assert kernel.device.read_bytes() == bytes(4)
    assert kernel.device in open_files()
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_check_tries_it_and_holds_nothing(kernel: StandIns) -> None:
    check_cpus_can_be_kept_awake()

    assert kernel.device.read_bytes() == bytes(4)
    assert kernel.device not in open_files()


def test_the_kernel_takes_the_limit_or_is_told_to_lack_it() -> None:
    if not can_be_kept_awake():
        assert refusal()
        return
    descriptor = keep_cpus_awake()
    with REAL_DEVICE.open("rb", buffering=0) as device:
        limit = device.read(4)
    os.close(descriptor)

    assert limit == bytes(4)


def test_a_missing_device_is_told_by_name_and_not_made(kernel: StandIns) -> None:
    kernel.device.unlink()

    error = refusal()

    assert f"there is no {kernel.device}" in error.message
    assert "CONFIG_CPU_IDLE" in error.remedy and f"--device {kernel.device}" in error.remedy
    assert not kernel.device.exists()


def test_a_user_who_may_not_write_is_told_the_udev_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not in pytest's folder, which other users cannot enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        kernel = make_stand_ins(Path(folder))
        kernel.use(monkeypatch)
        kernel.device.chmod(0o400)
        kernel.driver.chmod(0o444)

        with without_roots_rights():
            error = refusal()

    assert error.message.endswith(f"this user may not write {kernel.device}")
    assert 'KERNEL=="cpu_dma_latency", GROUP="NAME", MODE="0660"' in error.remedy


@pytest.mark.parametrize("driver", ["none\n", "", None])
def test_without_a_driver_that_heeds_the_limit_it_is_refused(kernel: StandIns, driver: str | None) -> None:
    kernel.driver.unlink() if driver is None else kernel.driver.write_text(driver)

    assert "no cpuidle driver" in refusal().message
    assert kernel.device.read_bytes() == b"\xff" * 4


def test_a_device_that_does_not_tell_the_limit_is_refused_and_closed(
    kernel: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    StandIns(Path("/dev/null"), kernel.driver).use(monkeypatch)
    before = open_files().count(Path("/dev/null"))

    assert refusal().message.endswith("/dev/null: it does not tell the limit")

    assert open_files().count(Path("/dev/null")) == before


def test_a_limit_that_stays_larger_is_told(kernel: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pread", lambda *_: (250).to_bytes(4, "little"))

    assert refusal().message.endswith("the limit is 250 us when 0 was written")


def test_a_device_that_refuses_the_limit_is_told(kernel: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    StandIns(Path("/dev/full"), kernel.driver).use(monkeypatch)

    assert refusal().message.endswith("/dev/full: No space left on device")
