"""The command that runs a web process, where another program has its port."""

import socket

import pytest

from shared.local.ports import LOOPBACK
from shared.settings import Settings
from tests.support.command_line import ended


class TestWeb:
    @pytest.mark.parametrize("holder", ["server", "connection"])
    def test_names_a_taken_port_and_its_variable(self, settings: Settings, holder: str) -> None:
        with (
            socket.create_server((LOOPBACK, 0)) as server,
            socket.create_connection(server.getsockname()) as connection,
        ):
            port = {"server": server, "connection": connection}[holder].getsockname()[1]

            code, said, complaint = ended(settings, "web", "orders", ORDERS_PORT=str(port))

        assert (code, said) == (1, "")
        assert complaint == (
            f"Error: Port {port} is taken by another program; ORDERS_PORT names another port.\n"
        )
