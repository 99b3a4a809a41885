"""URLs of streams: what is one, and what of it may be shown. Text only, no network."""

from __future__ import annotations

import re

SCHEMES = frozenset({"http", "https", "rtmp", "rtsp", "rtsps", "srt", "tcp", "udp"})
NOT_SHOWN = "(not shown)"  # replaces everything after the scheme if all of it may be secret


def is_url(text: str) -> bool:
    """Whether `text` is the URL of a stream."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def may_hold_login(text: str) -> bool:
    """Whether `text` looks like an address with a login, of any scheme and even if mistyped."""
    return bool(re.match(r"\s*[a-z][a-z0-9+.-]*:/+.*@", text, re.IGNORECASE | re.DOTALL))


def redacted(url: str) -> str:
    """The URL without its login, query and fragment, which may be secret.

    If the parts cannot be told apart, as with a / or ? in a password, only the scheme remains.
    """
    scheme, _, rest = url.partition("://")
    login, _, location = rest.rpartition("@")
    if re.search(r"[/?#]", login):
        return f"{scheme.lower()}://{NOT_SHOWN}"
    return f"{scheme.lower()}://{re.split(r'[?#]', location, maxsplit=1)[0]}"


def with_login_of(known: str, url: str) -> str:
    """`url` with the login of the URL `known`.

    Unchanged if the two have different servers, if `url` has a login, or if the login of `known`
    cannot be told from the rest.
    """
    scheme, _, rest = known.partition("://")
    login, at, location = rest.rpartition("@")
    url_scheme, _, url_rest = url.partition("://")
    servers = [re.split("[/?#]", part, maxsplit=1)[0].lower() for part in (location, url_rest)]
    same_server = servers[0] == servers[1] and scheme.lower() == url_scheme.lower()
    if not at or not same_server or re.search(r"[/?#]", login):
        return url
    return f"{url_scheme}://{login}@{url_rest}"
