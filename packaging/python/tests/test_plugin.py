# SPDX-License-Identifier: MIT OR Apache-2.0
"""The plugin on suites that leak and suites that do not. `make test-wheel` runs this from an installed wheel."""

import os
import re
import secrets
import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLANTED = Path(__file__).with_name("planted.py").read_text()
LEAKING = re.findall(r"^def (test_leaks\w+)", PLANTED, re.MULTILINE)
HERE = [number for number, line in enumerate(PLANTED.splitlines(), 1) if line.endswith("# here")]


@pytest.fixture
def planted(pytester, monkeypatch):
    """Runs the suite that leaks; afterwards what it left is removed."""
    mark = secrets.token_hex(4)
    monkeypatch.setenv("PLANTED", mark)
    monkeypatch.delenv("PARTAGE_PYTEST", raising=False)
    monkeypatch.delenv("PARTAGE_TRACE", raising=False)
    pytester.makepyfile(test_planted=PLANTED)
    before = segments()
    yield lambda *options: pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, timeout=120)
    for path in Path("/dev/shm").glob(f"*partage-planted-{mark}*"):
        path.unlink()
    for shmid in segments() - before:
        subprocess.run(["ipcrm", "-m", shmid])


def segments():
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines}


def errors_of(result):
    """What each failed teardown said, by test."""
    text = result.stdout.str()
    parts = re.split(r"^_+ ERROR at teardown of (\w+) _+$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_without_the_option_nothing_changes(planted):
    planted().assert_outcomes(passed=len(LEAKING) + 4)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("private", [[], ["--shm-private"]], ids=["kernel", "private"])
def test_leaks_fail_the_tests_that_made_them(planted, private, workers):
    errors = errors_of(planted("--shm-leaks", *private, *workers))
    # A fixture of a module that was set up in two workers ends in both.
    assert set(errors) == set(LEAKING)
    line = f"test_planted.py:{HERE[0]}"
    for test in ("test_leaks_an_object", "test_leaks_in_a_fork", "test_leaks_by_its_fixture"):
        assert line in errors[test]
    assert "segment shmid" in errors["test_leaks_a_segment"]
    assert "semaphore /partage-planted" in errors["test_leaks_a_semaphore"]
    assert "by fixture careless" in errors["test_leaks_by_its_fixture"]
    if not private:
        assert "ipcmk -M 100" in errors["test_leaks_by_a_program"]


def test_one_of_the_same_name_by_another_process_is_not_the_tests(pytester, monkeypatch):
    """As two workers make them whose random names begin alike: here one that Python's lock has made and removed."""
    monkeypatch.delenv("PARTAGE_PYTEST", raising=False)
    monkeypatch.delenv("PARTAGE_TRACE", raising=False)
    name = "partage-planted-" + secrets.token_hex(4)
    file = Path("/dev/shm", "sem." + name)
    pytester.makepyfile(
        f"""
        import _multiprocessing, os

        def test_it():
            _multiprocessing.SemLock(1, 1, 1, "/{name}", False)
            os.unlink("{file}")
            open("{file}", "x").close()
        """
    )
    try:
        pytester.runpytest_subprocess("--shm-leaks", "-n", "1", timeout=120).assert_outcomes(passed=1)
    finally:
        file.unlink(missing_ok=True)


def test_private_tests_do_not_meet(pytester, monkeypatch):
    monkeypatch.delenv("PARTAGE_PYTEST", raising=False)
    pytester.makepyfile(
        """
        import ctypes, pytest

        @pytest.mark.parametrize("number", range(4))
        def test_the_same_key(number):
            assert ctypes.CDLL(None).shmget(0x70617274, 100, 0o3600) > 0

        def test_that_crashes():
            ctypes.string_at(0)

        def test_that_fails():
            print("said so")
            assert 1 == 2
        """
    )
    before = segments()
    result = pytester.runpytest_subprocess("--shm-private", timeout=120)
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*ended by signal 11*", "*assert 1 == 2*", "*said so*"])
    assert segments() == before


def test_private_refuses_a_session_that_began_to_share(pytester, monkeypatch):
    monkeypatch.delenv("PARTAGE_PYTEST", raising=False)
    pytester.makepyfile(
        """
        import ctypes
        SEGMENT = ctypes.CDLL(None).shmget(0, 100, 0o1600)

        def test_it():
            assert SEGMENT > 0
        """
    )
    result = pytester.runpytest_subprocess("--shm-private", timeout=120)
    assert result.ret != 0
    result.assert_outcomes()
    assert "before the first test" in result.stdout.str() + result.stderr.str()


def test_the_fixture_is_for_programs_that_the_test_starts(pytester):
    pytester.makepyfile(
        """
        import os, subprocess

        def test_programs(private_shm):
            subprocess.run(["ipcmk", "-M", "100"], check=True)
            assert [segment["size"] for segment in private_shm.segments()] == [100]
            assert private_shm.objects() == []
            assert private_shm.environment["PARTAGE_DIR"] == private_shm.directory
            print("directory", private_shm.directory)

        def test_it_is_gone():
            assert "PARTAGE_DIR" not in os.environ
        """
    )
    before = segments()
    result = pytester.runpytest_subprocess("-s", timeout=120)
    result.assert_outcomes(passed=2)
    directory = re.search(r"directory (\S+)", result.stdout.str())[1]
    assert not os.path.exists(directory)
    assert segments() == before
