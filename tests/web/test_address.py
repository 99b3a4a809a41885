"""Addresses to listen on."""

from __future__ import annotations

import pytest
import web_site  # noqa: F401  (skips without the extra)

from seaformer_edge.errors import SinkError
from seaformer_edge.web.address import Address, is_local, listen, url_of


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("[::1]:80", "::1", 80),
        ("raspberrypi.local:0", "raspberrypi.local", 0),
    ],
)
def test_an_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "8000", ":8000", "localhost", "a:b", "::1:80", "a:99999", "a b:1", "rtsp://a:1"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Address.parse(text)


def test_a_taken_port_is_told() -> None:
    with listen(Address("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(SinkError, match=f"127.0.0.1:{port}: another program uses it"):
            listen(Address("127.0.0.1", port))


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.7", "has no such address"), ("no-such-host.invalid", "unknown host name")],
)
def test_an_address_of_another_machine_is_told(host: str, reason: str) -> None:
    with pytest.raises(SinkError, match=reason):
        listen(Address(host, 0))


def test_only_loopback_is_local() -> None:
    for host, local in (("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)):
        with listen(Address(host, 0)) as listener:
            assert is_local(listener) is local
            assert url_of(listener).endswith(f":{listener.getsockname()[1]}/")
