"""The options of meshd, the same for both of its commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtmesh.common.errors import InvalidArgumentError
from rtmesh.machine.addresses import HostPort, parse_host_port
from rtmesh.machine.options import Options, parse


def parsed(*arguments: str) -> Options:
    return parse(["--machine", "rig", "--dir", "/run/mesh", *arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_on_unix_sockets_nothing_is_open():
    options = parsed("--scheduler", "unix:/run/s.sock")

    assert (options.host, options.data_port, options.open_things()) == ("", 0, [])


def test_with_a_scheduler_on_tcp_the_rest_is_on_loopback():
    options = parsed("--scheduler", "lab:7400", "--insecure")

    assert (options.host, options.data_port) == ("127.0.0.1", 0)
    assert len(options.open_things()) == 3


def test_listen_takes_a_host_with_or_without_a_port():
    assert parsed("--scheduler", "lab:7400", "--insecure", "--listen", "10.0.0.7").host == "10.0.0.7"

    options = parsed("--scheduler", "unix:/s", "--insecure", "--listen", "[fe80::1]:7401")
    assert (options.host, options.data_port) == ("fe80::1", 7401)
    assert options.open_things()[0] == "the data port of the relay on [fe80::1]:7401"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--scheduler", "lab:7400"],
            "lab:7400 would be used without encryption or password: pass --insecure",
        ),
        (["--scheduler", "unix:/s", "--listen", "10.0.0.7"], "10.0.0.7:0 would be used without encryption"),
        (["--scheduler", "lab", "--insecure"], "'lab' is no address: give HOST:PORT"),
        (["--scheduler", "lab:x", "--insecure"], "'lab:x' is no address"),
        (["--scheduler", "lab:70000", "--insecure"], "'lab:70000' is no address"),
        (
            ["--scheduler", "a:1", "--insecure", "--listen", "rig:"],
            "'rig:' is no address: give HOST or HOST:PORT",
        ),
        (["--scheduler", "a:1", "--insecure", "--listen", "0.0.0.0"], "give --advertise HOST too"),
        (["--scheduler", "a:1", "--insecure", "--advertise", "rig:7401"], "'rig:7401' is no host"),
        (["--scheduler", "unix:/s", "--advertise", "rig"], "give --listen too"),
        (["--scheduler", "unix:/s", "--machine", "two words"], "'two words' cannot name a machine"),
        (
            ["--scheduler", "unix:/s", "--loop-cpus", "2,x"],
            "'2,x' is neither auto, any nor a list of CPUs: write for example 2,3 or 2-5",
        ),
        (
            ["--scheduler", "unix:/s", "--loop-cpus", "60000"],
            "CPU 60000 does not exist or may not be used here: choose among",
        ),
        (["--scheduler", "unix:/s", "--data-address", "x:1"], "unrecognized arguments: --data-address"),
    ],
)
def test_wrong_usage_is_told_with_a_remedy(capsys, arguments, told):
    assert told in refused(capsys, *arguments)


@pytest.mark.parametrize("text", ["", ":7400", "::1", "/run/s.sock:1", "lab:-1", "lab:²"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidArgumentError, match="is no address"):
        parse_host_port(text)


def test_addresses_are_written_as_they_are_read():
    for text in ("lab:7400", "[::1]:7400"):
        assert str(parse_host_port(text)) == text
    assert parse_host_port("::1", port=0) == parse_host_port("[::1]", port=0) == HostPort("::1", 0)


def test_both_commands_have_the_same_help_with_an_example():
    installed = Path(sys.executable).with_name("meshd")
    outputs = {
        subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=30).stdout
        for command in ([sys.executable, "-m", "rtmesh.machine"], [str(installed)])
    }

    (text,) = outputs
    assert "examples:\n  meshd --machine rig --scheduler" in text
    for option in ("--listen HOST[:PORT]", "--advertise HOST", "--insecure"):
        assert option in text


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "graphs"
    command = [
        sys.executable,
        "-m",
        "rtmesh.machine",
        "--machine",
        "rig",
        "--scheduler",
        f"unix:{tmp_path}/s",
    ]

    ended = subprocess.run(
        [*command, "--dir", str(tmp_path / "run"), "--root", str(missing)],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.returncode == 1
    assert f"meshd: --root: {missing} is no folder" in ended.stderr
    assert not (tmp_path / "run").exists()
