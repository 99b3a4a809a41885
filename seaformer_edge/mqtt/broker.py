"""The address of an MQTT broker: mqtt://USER:PASSWORD@HOST:PORT/TOPIC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from seaformer_edge.errors import SinkError
from seaformer_edge.machine.stored_url import names_stored_url, read_stored_url

DEFAULT_TOPIC = "seaformer-edge"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MAX_CHARACTERS = 4096
_TOPIC = re.compile(r"[^+#\0/]+(/[^+#\0/]+)*")


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
    is_stored = names_stored_url(text)
    address = read_stored_url(text, SinkError) if is_stored else text.strip()
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
        address.encode()
    except ValueError:
        host = ""
    is_valid = host and port != 0 and parts.scheme in _PORTS and len(address) <= _MAX_CHARACTERS
    # An @ in the path is of a password with a / in it.
    if not is_valid or set(address) & set("?#") or "@" in parts.path:
        name = text if is_stored else "the broker's address"
        raise SinkError(
            f"{name}: not mqtt://[USER:PASSWORD@]HOST[:PORT][/TOPIC], or mqtts://; in a password,"
            " write / as %2F, ? as %3F, # as %23 and @ as %40"
        )
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
