"""The native tests: threads for processes under AddressSanitizer and ThreadSanitizer; thousands of kills."""

import subprocess

import pytest


@pytest.mark.parametrize("target", ["cplusplus", "asan", "tsan", "kills"])
def test_the_native_test_is_clean_under(target, repository, tmp_path):
    folder = repository / "shm" / "native"

    done = subprocess.run(
        ["make", "-s", "-C", folder, f"BUILD={tmp_path}", target],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
