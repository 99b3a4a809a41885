"""The address of the server: parsed, checked and opened before the run starts."""

from __future__ import annotations

import errno
import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from seaformer_edge.errors import SinkError

DEFAULT_ADDRESS = "127.0.0.1:8000"
BACKLOG = 128

_FORM = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})", re.ASCII)
_ADVICE = {
    errno.EADDRINUSE: "another program uses it; choose another port, as --serve {host}:{next}",
    errno.EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0:{port} stands for all it has",
    errno.EACCES: "this port is reserved; choose one from 1024, as --serve {host}:8000",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: a name or an address of this machine; of IPv6 without brackets.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses HOST:PORT, as 127.0.0.1:8000 or [::1]:8000.

        Raises:
            ValueError: the text has another form.
        """
        parts = _FORM.fullmatch(text)
        if parts is None or int(parts[2]) > 65535:
            raise ValueError(f"{text[:60]!r} is not HOST:PORT, as {DEFAULT_ADDRESS}")
        return cls(parts[1].strip("[]"), int(parts[2]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(address: Address) -> socket.socket:
    """Opens the address.

    Raises:
        SinkError: it is taken, not of this machine, or reserved.
    """
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise SinkError(f"{address}: unknown host name ({error.strerror})") from error
    family, *_, target = found[0]
    both = family == socket.AF_INET6 and target[0] == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(target[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "it cannot be opened ({reason})").format(
            host=address.host,
            port=address.port,
            next=min(address.port + 1, 65535),
            reason=error.strerror or error,
        )
        raise SinkError(f"{address}: {advice}") from error


def is_local(listener: socket.socket) -> bool:
    """Whether only programs on this machine can connect."""
    return ip_address(listener.getsockname()[0]).is_loopback


def url_of(listener: socket.socket) -> str:
    """The page's address for people; of a server on all addresses, with this machine's name."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://{Address(host, port)}/"
