"""URLs of streams: what is one, and whose login it may have. Text only, no network."""

from __future__ import annotations

import re

SCHEMES = frozenset({"http", "https", "rtmp", "rtsp", "rtsps", "srt", "tcp", "udp"})


def is_url(text: str) -> bool:
    """Whether `text` is the URL of a stream."""
    scheme, separator, _ = text.strip().partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


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
