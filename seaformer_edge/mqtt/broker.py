"""The address of an MQTT broker: mqtt://USER:PASSWORD@HOST:PORT/TOPIC."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seaformer_edge.errors import SinkError

DEFAULT_TOPIC = "seaformer-edge"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TOPIC = re.compile(r"[^+#\0/]+(/[^+#\0/]+)*")
_MAX_CHARACTERS = 1 << 16


@dataclass(frozen=True)
class Broker:
    """A broker and how to log in.

    Attributes:
        host, port: where it listens.
        tls: whether the connection is encrypted and the broker's certificate is checked.
        username, password: None: no login. The password is never shown.
        topic: the topics of all messages begin with it.
    """

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    topic: str = DEFAULT_TOPIC

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def read_broker(text: str) -> Broker:
    """Parse a broker's address.

    Args:
        text: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], mqtts:// for TLS; or `@FILE` or
            `env:NAME`, whose first line is the address, so that other users of the machine do not
            read the password among the arguments.

    Raises:
        SinkError: it is no such address, or cannot be read. Never shows what may be a password.
    """
    stored = text.startswith(("@", "env:"))
    address = _stored(text) if stored else text
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in _PORTS or set(address) & set("?#"):
        name = text if stored else "the broker's address"
        raise SinkError(f"{name}: not mqtt://[USER:PASSWORD@]HOST[:PORT][/TOPIC], or mqtts://")
    topic = unquote(parts.path).strip("/")
    if topic and not _TOPIC.fullmatch(topic):
        raise SinkError(f"{topic!r}: not a topic to publish to; leave out + and #")
    return Broker(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        topic=topic or DEFAULT_TOPIC,
    )


def _stored(text: str) -> str:
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        if name not in os.environ:
            raise SinkError(f"{text}: no environment variable {name}")
        return os.environ[name].partition("\n")[0]
    try:
        with Path(text[1:]).expanduser().open(encoding="utf-8-sig") as file:
            return file.readline(_MAX_CHARACTERS)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SinkError(f"{text}: cannot be read ({reason})") from error
