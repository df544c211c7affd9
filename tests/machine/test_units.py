"""The systemd units: what they must say, and that systemd takes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rtmesh.common.cpu_sleep import UDEV_RULE
from rtmesh.machine.options import parse

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
UNITS = ["rtmesh-scheduler.service", "rtmesh-meshd@.service"]


def read(unit: str) -> dict[str, list[str]]:
    """KEY -> its values; lines of all sections, for no key of ours is in two."""
    settings: dict[str, list[str]] = {}
    for line in (FOLDER / unit).read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            settings.setdefault(key, []).append(value)
    return settings


@pytest.mark.parametrize("unit", UNITS)
def test_only_the_daemon_is_told_to_end_and_a_crash_brings_it_back(unit):
    settings = read(unit)

    assert settings["KillMode"] == ["process"]
    assert settings["Restart"] == ["on-failure"]
    assert settings["RestartPreventExitStatus"] == ["2"]
    assert settings["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize(("unit", "key"), [(unit, key) for unit in UNITS for key in ("KillMode", "Restart")])
def test_what_is_decided_is_explained_above_it(unit, key):
    lines = (FOLDER / unit).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith(f"{key}=")]

    assert lines[number - 1].startswith("# ")


def test_meshd_takes_the_options_of_its_unit():
    (command,) = read("rtmesh-meshd@.service")["ExecStart"]
    program, *arguments = command.replace("%i", "rig").split()
    values = {
        "${RTMESH_SCHEDULER}": "10.0.0.4:7400",
        "${RTMESH_LISTEN}": "10.0.0.7:7401",
        "${RTMESH_ROOT}": "/srv/graphs",
        "${RUNTIME_DIRECTORY}": "/run/rtmesh-rig",
        "$RTMESH_OPTIONS": "--keep-awake",
    }

    options = parse([values.get(argument, argument) for argument in arguments])

    assert program == "meshd"
    assert (options.machine, options.host, options.data_port) == ("rig", "10.0.0.7", 7401)
    assert options.keep_awake


def test_the_udev_rule_is_the_one_that_meshd_names():
    lines = (FOLDER.parent / "udev" / "60-rtmesh.rules").read_text().splitlines()
    (rule,) = [line for line in lines if not line.startswith("#")]

    assert rule == UDEV_RULE.replace("NAME", "rtmesh")
    (user,) = read("rtmesh-meshd@.service")["User"]
    assert user == "rtmesh"


def test_the_files_of_a_machine_outlive_its_meshd():
    assert read("rtmesh-meshd@.service")["RuntimeDirectoryPreserve"] == ["yes"]


def test_systemd_takes_them_where_there_is_one(tmp_path):
    for unit in UNITS:
        # systemd looks for the programs too, where a package would have put them.
        text = (FOLDER / unit).read_text().replace("ExecStart=mesh", "ExecStart=/bin/echo mesh")
        (tmp_path / unit.replace("@", "@rig")).write_text(text)
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        return  # the other tests hold without it
    paths = [str(path) for path in sorted(tmp_path.iterdir())]

    checked = subprocess.run(
        [systemd, "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60
    )

    assert "rtmesh" not in checked.stderr, checked.stderr
