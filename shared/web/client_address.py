"""Network address of who asks, behind proxies that are trusted to name it. Knows no route."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import cast

from flask import Flask, current_app, request

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def install(app: Flask, trusted: tuple[Network, ...]) -> None:
    """Let X-Forwarded-For be believed when it comes from one of these networks."""
    app.extensions["trusted_proxies"] = trusted


def client_address() -> str:
    """The address of the client of the present request."""
    trusted = cast(tuple[Network, ...], current_app.extensions["trusted_proxies"])
    named = ",".join(request.headers.getlist("X-Forwarded-For"))
    return origin(request.remote_addr or "", named, trusted)


def origin(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The nearest address on the way from `peer` backwards that is no trusted proxy.

    Anybody may send the header, with anything in it, and each proxy adds to its end who asked it.
    So only what a trusted one has added counts; past the first that is not trusted, all is hearsay.
    If all of them are trusted, it is the first of them.
    """
    nearest = peer
    for named in (*reversed(forwarded.split(",") if forwarded else []), None):
        if named is None or not _is_trusted(nearest, trusted):
            break
        address = _address(named.strip())
        if address is None:
            break
        nearest = str(address)
    return nearest


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A server that listens on both kinds sees an IPv4 client as ::ffff:192.0.2.1.
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
