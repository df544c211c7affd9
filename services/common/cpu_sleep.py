"""Keeping this computer's CPUs from falling asleep, with the kernel's limit on how long a wake may take.

Whoever has /dev/cpu_dma_latency open and has written microseconds to it keeps every CPU out of the states
of sleep that take longer to leave; of several who do, the smallest number counts. With 0 an idle CPU waits
awake. It ends when the file is closed, so also with the process, however that ends.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from rtmesh.common.errors import FailedPreconditionError

DEVICE = Path("/dev/cpu_dma_latency")
# Who puts idle CPUs to sleep. Without one the kernel does so by itself, whatever the limit is.
DRIVER = Path("/sys/devices/system/cpu/cpuidle/current_driver")
UDEV_RULE = 'KERNEL=="cpu_dma_latency", GROUP="NAME", MODE="0660"'
_CANNOT = "the CPUs cannot be kept awake"
_LIMIT_BYTES = 4  # a signed integer in the byte order of the computer
_IS_MISSING = (errno.ENOENT, errno.ENODEV, errno.ENXIO)


def keep_cpus_awake() -> int:
    """Keep every CPU awake until the file descriptor that this returns is closed. No child inherits it.

    Raises:
        FailedPreconditionError: it cannot be done here, with the remedy.
        OSError: this process has no file descriptor left.
    """
    _check_driver()
    descriptor = _open()
    try:
        _set_limit(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def check_cpus_can_be_kept_awake() -> None:
    """Try it for a moment. Raises as `keep_cpus_awake` does."""
    os.close(keep_cpus_awake())


def _check_driver() -> None:
    try:
        driver = DRIVER.read_text().strip()
    except OSError:
        driver = "none"
    if driver in ("", "none"):
        raise FailedPreconditionError(
            f"{_CANNOT}: the kernel has no cpuidle driver ({DRIVER}), so {DEVICE} is of no effect",
            "load one (on a virtual machine `modprobe cpuidle-haltpoll force=1`), "
            "or leave --keep-awake out and boot with idle=poll",
        )


def _open() -> int:
    try:
        return os.open(DEVICE, os.O_RDWR)
    except PermissionError as error:
        raise FailedPreconditionError(
            f"{_CANNOT}: this user may not write {DEVICE}",
            "run it as root; or let a group of this user, by a file in /etc/udev/rules.d with the line "
            f"{UDEV_RULE} and `udevadm control --reload && udevadm trigger --name-match=cpu_dma_latency`; "
            f"in a container give `--device {DEVICE}`",
        ) from error
    except OSError as error:
        if error.errno not in _IS_MISSING:
            raise
        raise FailedPreconditionError(
            f"{_CANNOT}: there is no {DEVICE}",
            f"in a container give `--device {DEVICE}`, else take a kernel with CONFIG_CPU_IDLE; "
            "or leave --keep-awake out",
        ) from error


def _set_limit(descriptor: int) -> None:
    """Set it to 0, and look whether it is."""
    try:
        os.write(descriptor, bytes(_LIMIT_BYTES))
        told = os.pread(descriptor, _LIMIT_BYTES, 0)
    except OSError as error:
        raise _without_effect(error.strerror or str(error)) from error
    if len(told) != _LIMIT_BYTES:
        raise _without_effect("it does not tell the limit")
    if limit_us := int.from_bytes(told, sys.byteorder, signed=True):
        raise _without_effect(f"the limit is {limit_us} us when 0 was written")


def _without_effect(why: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"{_CANNOT}: {DEVICE}: {why}", "leave --keep-awake out, or use another kernel"
    )
