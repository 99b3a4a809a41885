"""Who may talk to the server: the token, the host that a request names, and the page it is from."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import socket
from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from seaformer_edge.errors import SinkError, reading

MIN_TOKEN, MAX_TOKEN = 16, 1024
COOKIE_AGE_S = 30 * 24 * 3600

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?", re.ASCII)
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN},{MAX_TOKEN}}}", re.ASCII)


def make_token() -> str:
    """A token that cannot be guessed: 22 letters, digits, - and _."""
    return secrets.token_urlsafe(16)


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        SinkError: the file cannot be read, or holds no token of 16 characters or more.
    """
    with reading(path, SinkError), path.open("rb") as file:
        text = file.read(MAX_TOKEN + 2).decode("latin-1").strip()
    if not _TOKEN.fullmatch(text):
        raise SinkError(
            f"{path}: a token is {MIN_TOKEN} to {MAX_TOKEN} letters, digits and signs without"
            " spaces; make one with: openssl rand -hex 16"
        )
    return text


class Access:
    """Checks requests.

    Browsers send requests on behalf of any page the user has open. Two rules keep other pages out:
    the request must name this machine, by an address or a name that is not of the internet, and
    the page it comes from, if it says so, must be this server's.

    Args:
        token: None lets everybody in.
        host: the name that the server was given; it is accepted as this machine's.
        port: part of the cookie's name: cookies are shared by all ports of a host.
    """

    def __init__(self, token: str | None, host: str, port: int) -> None:
        self._token = None if token is None else _digest(token)
        # Follows from the token, so that it outlives a restart with the same token.
        self._session = hmac.new(self._token or b"", b"session", "sha256").hexdigest()
        self.cookie = f"seaformer-edge-{port}"
        own = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), own, f"{own.removesuffix('.local')}.local"}

    @property
    def needs_token(self) -> bool:
        return self._token is not None

    def problem(self, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused whoever sent it; None if it is not."""
        host = headers.get("Host", "")
        parts = _HOST.fullmatch(host)
        if parts is None or not self._is_own(parts[1].strip("[]").lower()):
            return "the request names another host; use this machine's address or its host name"
        origin = headers.get("Origin")
        if origin is not None and origin.lower() not in (
            f"http://{host.lower()}",
            f"https://{host.lower()}",  # behind a proxy
        ):
            return "the request comes from another page"
        if headers.get("Sec-Fetch-Site") == "cross-site" and (
            headers.get("Sec-Fetch-Mode") != "navigate"
        ):
            return "the request comes from another page"
        return None

    def allows(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        """Whether a request carries the token, in its header `Authorization`, or the cookie."""
        if self._token is None:
            return True
        kind, _, value = headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":  # as user names a player sends: any, with the token as password
            value = _password(value)
        if kind and self.is_token(value.strip()):
            return True
        return hmac.compare_digest(_digest(cookies.get(self.cookie, "")), _digest(self._session))

    def is_token(self, text: str) -> bool:
        """Whether `text` is the token; takes the same time whatever differs."""
        return self._token is not None and hmac.compare_digest(_digest(text), self._token)

    @property
    def session(self) -> str:
        """The cookie's value for whoever has sent the token."""
        return self._session

    def _is_own(self, name: str) -> bool:
        try:
            ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _password(basic: str) -> str:
    try:
        return b64decode(basic, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _digest(text: str) -> bytes:
    """Of equal length for every text, so that a comparison does not tell the token's."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
