"""Messages to the service manager."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from seaformer_edge.machine.systemd import notify


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_state_reaches_the_service_manager(
    is_abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = secrets.token_hex(8) if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if is_abstract else name)
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if is_abstract else name)
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket", "@no-such-socket", "vsock:2:1234"])
def test_without_a_service_manager_nothing_happens(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("WATCHDOG=1")
