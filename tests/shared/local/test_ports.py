import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.local.ports import (
    LOOPBACK,
    FolderTaken,
    PortTaken,
    check_ports,
    folder,
    free_port,
    listens,
)


class TestCheckPorts:
    def test_accepts_free_ports(self) -> None:
        check_ports({"WEB_PORT": free_port()})

    def test_names_a_taken_port_and_its_variable(self, taken: int) -> None:
        with pytest.raises(PortTaken) as refusal:
            check_ports({"WEB_PORT": taken})

        assert str(refusal.value) == (
            f"Port {taken} is taken by another program; WEB_PORT names another port."
        )

    def test_names_two_variables_with_one_port(self) -> None:
        port = free_port()

        with pytest.raises(PortTaken) as refusal:
            check_ports({"WEB_PORT": port, "SHOP_PORT": port})

        assert str(refusal.value) == f"WEB_PORT and SHOP_PORT both name port {port}; change one."

    def test_of_what_others_share_is_refused_unless_it_is_to_be_shared(self) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind((LOOPBACK, 0))
            other.listen()
            port = other.getsockname()[1]

            check_ports({"ORDERS_PORT": port}, beside_others=True)
            with pytest.raises(PortTaken):
                check_ports({"ORDERS_PORT": port})

    def test_is_not_disturbed_by_a_connection_that_just_ended(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection((LOOPBACK, port)):
                # The side that closes first keeps the port waiting.
                server.accept()[0].close()

        check_ports({"WEB_PORT": port})


class TestListens:
    def test_tells_a_taken_port_from_a_free_one(self, taken: int) -> None:
        assert listens(taken)
        assert not listens(free_port())


class TestFolder:
    def test_is_made_and_given_as_an_absolute_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)

        with folder(Path("a/b")) as home:
            assert home == tmp_path / "a" / "b"
            assert home.is_dir()

    def test_keeps_another_run_out_and_names_the_one_inside(self, tmp_path: Path) -> None:
        with folder(tmp_path), pytest.raises(FolderTaken) as refusal, folder(tmp_path):
            pass

        assert str(refusal.value) == (
            f"The data in {tmp_path} are in use by another run (process {os.getpid()}); stop "
            "that one, or name another folder with DATA_DIR."
        )

    def test_can_be_had_again_afterwards(self, tmp_path: Path) -> None:
        with folder(tmp_path):
            pass

        with folder(tmp_path) as home:
            assert home == tmp_path

    def test_names_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(FolderTaken) as refusal, folder(tmp_path / "file"):
            pass

        assert str(refusal.value) == (
            f"The folder {tmp_path / 'file'} cannot be used (File exists); DATA_DIR names "
            "another one."
        )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]
