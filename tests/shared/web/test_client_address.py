"""Whose address counts behind proxies, without any server."""

from ipaddress import ip_network

import pytest
from flask import Flask, request

from shared.web import client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
OUTSIDE = "192.0.2.7"


class TestOrigin:
    @pytest.mark.parametrize("peer", [OUTSIDE, "127.0.0.1", "2001:db8::1", "", "no address"])
    def test_of_nobody_who_is_trusted_is_the_peer(self, peer: str) -> None:
        assert client_address.origin(peer, "198.51.100.1", PROXIES) == peer
        assert client_address.origin(peer, "198.51.100.1", ()) == peer

    @pytest.mark.parametrize(
        ("forwarded", "origin"),
        [
            (OUTSIDE, OUTSIDE),
            (f"198.51.100.1, {OUTSIDE}", OUTSIDE),
            (f"198.51.100.1,{OUTSIDE},10.0.0.9", OUTSIDE),
            ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
            ("2001:db8::5", "2001:db8::5"),
            (f"::ffff:{OUTSIDE}", OUTSIDE),
            ("fd00::1", "fd00::1"),
        ],
    )
    def test_behind_a_trusted_proxy_is_whom_it_names(self, forwarded: str, origin: str) -> None:
        assert client_address.origin("10.0.0.2", forwarded, PROXIES) == origin

    @pytest.mark.parametrize(
        "forwarded", ["", " ", "unknown", "x, ", f"{OUTSIDE}:80", f"{OUTSIDE}, x", "," * 9]
    )
    def test_is_the_proxy_where_it_names_nobody(self, forwarded: str) -> None:
        assert client_address.origin("10.0.0.2", forwarded, PROXIES) == "10.0.0.2"

    def test_trusts_a_proxy_in_both_ways_to_write_its_address(self) -> None:
        assert client_address.origin("::ffff:10.0.0.2", OUTSIDE, PROXIES) == OUTSIDE


class TestClientAddress:
    def test_reads_all_headers_in_their_order(self) -> None:
        app = Flask(__name__)
        client_address.install(app, PROXIES)

        with app.test_request_context(
            headers=[("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", OUTSIDE)],
            environ_base={"REMOTE_ADDR": "10.0.0.2"},
        ):
            assert request.remote_addr == "10.0.0.2"
            assert client_address.client_address() == OUTSIDE

    def test_is_empty_where_the_server_names_nobody(self) -> None:
        app = Flask(__name__)
        client_address.install(app, PROXIES)

        with app.test_request_context():
            assert client_address.client_address() == ""
