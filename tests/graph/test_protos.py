"""Protos become descriptors, messages, and modules that nobody generated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from rtmesh.graph.problems import GraphError
from rtmesh.graph.protos import compile_protos, find_proto, message_class, pool_of, without_positions

PROGRAM = """
import sys
from pathlib import Path
from rtmesh.graph.protos import install_importer
descriptors = Path(sys.argv[1]).read_bytes()
install_importer(descriptors)
install_importer(descriptors)
{body}
assert not {{"grpc", "asyncio", "ruamel.yaml", "grpc_tools"}} & set(sys.modules)
"""


def run(body: str, descriptors: bytes, tmp_path: Path) -> None:
    """Run code in a fresh interpreter in which the descriptors' modules are importable."""
    (tmp_path / "descriptors.binpb").write_bytes(descriptors)
    program = PROGRAM.format(body=body)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "descriptors.binpb")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def descriptors(data: Path) -> bytes:
    return compile_protos(["rig/v1/rig.proto"], [data])


def test_imports_stand_before_their_importers(descriptors: bytes) -> None:
    names = [file.name for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file]
    assert names == ["google/protobuf/duration.proto", "rtmesh/v1/stream.proto", "rig/v1/rig.proto"]


def test_without_positions_keeps_everything_else(descriptors: bytes) -> None:
    bare = without_positions(descriptors)

    assert len(bare) < len(descriptors)
    assert pool_of(bare).FindServiceByName("rig.v1.Source").methods_by_name["Samples"].server_streaming


def test_our_own_protos_win_over_a_copy_beside_the_graph(tmp_path: Path, data: Path) -> None:
    (tmp_path / "rtmesh/v1").mkdir(parents=True)
    (tmp_path / "rtmesh/v1/stream.proto").write_text("no proto at all")

    assert b"Samples" in compile_protos(["rig/v1/rig.proto"], [tmp_path, data])


def test_the_first_folder_that_has_a_file_gives_it(tmp_path: Path, data: Path) -> None:
    assert find_proto("rig/v1/rig.proto", [tmp_path, data]) == data / "rig/v1/rig.proto"
    assert find_proto("rig/v1/other.proto", [tmp_path, data]) is None


def test_nothing_to_compile_is_nothing() -> None:
    assert compile_protos([], []) == b""


def test_pools_of_two_graphs_do_not_meet(tmp_path: Path) -> None:
    texts = ["message M { int32 a = 1; }", "message M { string b = 1; }"]
    classes = []
    for name, text in zip("ab", texts):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.proto").write_text(f'syntax = "proto3"; {text}')
        classes.append(message_class(pool_of(compile_protos(["same.proto"], [tmp_path / name])), "M"))

    assert classes[0](a=1).SerializeToString() == b"\x08\x01"
    assert classes[1](b="x").SerializeToString() == b"\x0a\x01x"


def test_bytes_that_are_no_descriptors_are_refused() -> None:
    with pytest.raises(GraphError, match="descriptors: no FileDescriptorSet"):
        pool_of(b"\xff\xff\xff")


def test_a_set_with_an_import_missing_is_refused(descriptors: bytes) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors)
    del files.file[1]

    with pytest.raises(GraphError, match="rig/v1/rig.proto: cannot be loaded"):
        pool_of(files.SerializeToString())


def test_modules_need_not_be_generated(descriptors: bytes, tmp_path: Path) -> None:
    body = """
import rig.v1.rig_pb2
from rig.v1 import rig_pb2
from rtmesh.v1 import stream_pb2
from google.protobuf.duration_pb2 import Duration
sample = rig_pb2.Sample(header=stream_pb2.Header(sequence=3), data=stream_pb2.Tensor(shape=[2]))
assert rig_pb2.Sample.FromString(sample.SerializeToString()) == sample
assert rig_pb2.MODE_FAST == 1 and rig_pb2.Mode.Name(2) == "MODE_EXACT"
assert rig_pb2.TargetPoint.Point(x=1).x == 1
assert rig_pb2.SourceParameters(warm_up=Duration(seconds=1)).warm_up.seconds == 1
assert rig_pb2.Sample.__module__ == "rig.v1.rig_pb2" == rig_pb2.__name__
import copy, pickle
assert pickle.loads(pickle.dumps(sample)) == copy.deepcopy(sample)
"""
    run(body, descriptors, tmp_path)


def test_modules_are_those_of_the_default_pool(descriptors: bytes, tmp_path: Path) -> None:
    body = """
from rig.v1 import rig_pb2
from google.protobuf import descriptor_pool
from rtmesh.graph.protos import message_class
assert message_class(descriptor_pool.Default(), "rig.v1.Sample") is rig_pb2.Sample
"""
    run(body, descriptors, tmp_path)


def test_a_real_package_of_that_name_keeps_its_modules(descriptors: bytes, tmp_path: Path) -> None:
    (tmp_path / "rig").mkdir()
    (tmp_path / "rig/__init__.py").write_text("IS_REAL = True")
    (tmp_path / "rig/helpers.py").write_text("VALUE = 7")
    body = """
sys.path.insert(0, "")
import rig
from rig.helpers import VALUE
from rig.v1 import rig_pb2
assert rig.IS_REAL and VALUE == 7 and rig_pb2.Sample
try:
    import rig.nothing
except ModuleNotFoundError as error:
    assert "rig.nothing" in str(error)
else:
    raise AssertionError
"""
    run(body, descriptors, tmp_path)


def test_a_folder_with_protos_only_is_a_package(descriptors: bytes, tmp_path: Path, data: Path) -> None:
    body = f"""
sys.path.insert(0, {str(data)!r})
from rig.v1 import rig_pb2
assert rig_pb2.Sample
"""
    run(body, descriptors, tmp_path)


def test_a_stale_generated_module_does_not_win(descriptors: bytes, tmp_path: Path) -> None:
    (tmp_path / "rig/v1").mkdir(parents=True)
    (tmp_path / "rig/v1/rig_pb2.py").write_text("raise AssertionError('stale')")
    run("sys.path.insert(0, '')\nfrom rig.v1 import rig_pb2", descriptors, tmp_path)


def test_a_public_import_hands_on_its_names(tmp_path: Path) -> None:
    (tmp_path / "inner-part.proto").write_text(
        'syntax = "proto3"; package p; message Inner {} enum E { ZERO = 0; }'
    )
    (tmp_path / "outer.proto").write_text('syntax = "proto3"; package p; import public "inner-part.proto";')
    body = """
import outer_pb2, inner_part_pb2
assert outer_pb2.Inner is inner_part_pb2.Inner and outer_pb2.ZERO == 0
assert outer_pb2.DESCRIPTOR.name == "outer.proto"
"""
    run(body, compile_protos(["outer.proto"], [tmp_path]), tmp_path)


def test_other_definitions_under_a_name_that_is_taken_are_refused(
    descriptors: bytes, tmp_path: Path, data: Path
) -> None:
    (tmp_path / "rig/v1").mkdir(parents=True)
    changed = (data / "rig/v1/rig.proto").read_text().replace("float level = 2", "double level = 2")
    (tmp_path / "rig/v1/rig.proto").write_text(changed)
    (tmp_path / "other.binpb").write_bytes(compile_protos(["rig/v1/rig.proto"], [tmp_path]))
    body = """
from rtmesh.graph.problems import GraphError
try:
    install_importer(Path("other.binpb").read_bytes())
except GraphError as error:
    assert "rig/v1/rig.proto: cannot be loaded" in str(error), error
else:
    raise AssertionError
"""
    run(body, descriptors, tmp_path)


def test_planning_and_reading_messages_load_no_compiler_and_no_yaml() -> None:
    code = (
        "import sys, rtmesh.graph.plan, rtmesh.graph.contract, rtmesh.graph.protos, rtmesh.graph.parameters\n"
        "assert not {'grpc', 'grpc_tools', 'ruamel.yaml', 'asyncio', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
