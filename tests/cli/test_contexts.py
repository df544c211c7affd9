"""Which scheduler a verb talks to, and the file that names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from command_line import meshctl_of
from scheduler_process import SchedulerProcess

from rtmesh.cli.connection import scheduler_address
from rtmesh.cli.contexts import check_address, config_path, load_contexts
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, RtmeshError

LAB, HOME = "10.0.0.5:7700", "unix:/run/mesh.sock"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "contexts.toml"
    monkeypatch.setenv("MESHCTL_CONFIG", str(path))
    return path


def context(*arguments: str, config: Path) -> Result:
    return meshctl_of({"MESHCTL_CONFIG": str(config)}, "context", *arguments)


def test_the_first_context_becomes_the_current_one(config: Path) -> None:
    assert context("add", "lab", LAB, config=config).stdout == f"context lab: {LAB} (current)\n"
    assert context("add", "home", HOME, config=config).stdout == f"context home: {HOME}\n"

    assert context("list", config=config).stdout == f"  home  {HOME}\n* lab   {LAB}\n"


def test_the_file_is_plain_toml(config: Path) -> None:
    context("add", "lab", LAB, config=config)

    assert config.read_text() == (
        f'# Written by `meshctl context`.\ncurrent = "lab"\n\n[contexts.lab]\nscheduler = "{LAB}"\n'
    )
    assert [path.name for path in config.parent.iterdir()] == ["contexts.toml"]


def test_another_context_can_be_used_and_each_can_be_removed(config: Path) -> None:
    context("add", "lab", LAB, config=config)
    context("add", "home", HOME, config=config)

    assert context("use", "home", config=config).exit_code == 0
    assert load_contexts().current == "home"
    removed = context("remove", "home", config=config)

    assert "meshctl context use NAME" in removed.stderr
    assert load_contexts().current == "" and list(load_contexts().addresses) == ["lab"]


def test_a_context_is_not_overwritten_unawares(config: Path) -> None:
    context("add", "lab", LAB, config=config)

    again = context("add", "lab", LAB, config=config)
    other = context("add", "lab", HOME, config=config)

    assert again.exit_code == 0
    assert other.exit_code == 1 and "remove it first: meshctl context remove lab" in other.stderr


def test_no_contexts_are_no_failure_to_list(config: Path) -> None:
    result = context("list", config=config)

    assert result.exit_code == 0 and result.stdout == ""
    assert "meshctl context add NAME ADDRESS" in result.stderr


@pytest.mark.parametrize(
    ("scheduler", "name", "environment", "expected"),
    [
        ("host:1", "", {"MESHCTL_SCHEDULER": "other:2"}, "host:1"),
        ("", "home", {"MESHCTL_SCHEDULER": "other:2"}, HOME),
        ("", "", {"MESHCTL_SCHEDULER": "other:2", "MESHCTL_CONTEXT": "home"}, "other:2"),
        ("", "", {"MESHCTL_CONTEXT": "home"}, HOME),
        ("", "", {}, LAB),
    ],
)
def test_what_was_typed_goes_before_the_environment_and_that_before_the_current_context(
    config: Path, scheduler: str, name: str, environment: dict[str, str], expected: str
) -> None:
    context("add", "lab", LAB, config=config)
    context("add", "home", HOME, config=config)

    assert scheduler_address(scheduler, name, environment) == expected


def test_contexts_of_which_none_is_current_are_named(config: Path) -> None:
    context("add", "lab", LAB, config=config)
    context("add", "home", HOME, config=config)
    context("remove", "lab", config=config)

    with pytest.raises(FailedPreconditionError, match=r"meshctl context use NAME \(known: home\)"):
        scheduler_address(environment={})


@pytest.mark.parametrize(
    "text",
    ["current = ", "current = 3", "contexts = 3", "[contexts.lab]\nscheduler = 7", "[contexts]\nlab = 'x'"],
)
def test_a_broken_file_is_named_with_a_remedy(config: Path, text: str) -> None:
    config.parent.mkdir()
    config.write_text(text)

    with pytest.raises(RtmeshError) as raised:
        load_contexts()

    assert str(config) in raised.value.message and raised.value.remedy


def test_a_file_that_cannot_be_written_is_named() -> None:
    result = context("add", "lab", LAB, config=Path("/proc/none/contexts.toml"))

    assert result.exit_code == 1 and "cannot be written" in result.stderr


def test_contexts_are_kept_where_configuration_belongs() -> None:
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/rtmesh/contexts.toml")
    assert config_path({}) == Path.home() / ".config/rtmesh/contexts.toml"
    assert config_path({"MESHCTL_CONFIG": "/y/c.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y/c.toml")


@pytest.mark.parametrize("address", ["host:7700", "10.0.0.5:1", "[::1]:65535", "unix:/run/s.sock", "unix:s"])
def test_addresses(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address", ["", "host", ":7700", "host:0", "host:65536", "ho st:1", "a:b:1", "unix:"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidArgumentError, match="give HOST:PORT or unix:PATH"):
        check_address(address)


def test_a_verb_talks_to_the_scheduler_of_the_context_that_was_named(
    config: Path, scheduler: SchedulerProcess
) -> None:
    context("add", "lab", "127.0.0.1:1", config=config)
    context("add", "here", scheduler.address, config=config)

    result = meshctl_of({"MESHCTL_CONFIG": str(config)}, "get", "graphs", "--context", "here")

    assert result.exit_code == 0
