"""Text from outside, made safe to show: no control characters, no logins.

File names, cards, servers and URLs may hold anything.
"""

from __future__ import annotations

import re

NOT_SHOWN = "(not shown)"  # replaces what may be secret where the parts cannot be told apart

# Control characters but tab and newline, marks that reverse text, and bytes that are not UTF-8.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Any scheme, and too few or too many slashes: people mistype addresses.
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]+:[/\\]+)(.*)", re.IGNORECASE | re.DOTALL)
_SERVER = re.compile(r"(\[[^\]/?#]*\]|[\w.-]*)(:\d+)?(?=[/?#]|$)")
_REST = re.compile(r"[?#;]|/[^/?#;]*=")  # cameras take "/user=me&password=..." as a path too
_PATH = re.compile(r"/(?!/)|[.~]|[A-Za-z]:\\")
# Not "synthetic:640x480@30".
_SECRET = re.compile(r"(:|%3a|//).*(@|%40)(?!\d+(\.\d+)?$)|\?.*=", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\s'\"(]\S*[^\s'\"),.:;]")


def printable(text: str) -> str:
    r"""The text with \uNNNN for each character that a terminal would obey, but tab and newline."""
    return _UNPRINTABLE.sub(lambda character: f"\\u{ord(character[0]):04x}", text)


def is_address(text: str) -> bool:
    """Whether `text` looks like a URL, of any scheme and even if mistyped."""
    return bool(_ADDRESS.fullmatch(text))


def redacted(text: str) -> str:
    """The text of a source without the login, query and fragment of a URL, which may be secret.

    If the parts cannot be told apart, as with a / or ? in a password, only the scheme remains. A
    text that is no address and holds no login is unchanged.
    """
    address = _ADDRESS.fullmatch(text)
    if address is None:
        hidden = _SECRET.search(text) and ("://" in text or not _PATH.match(text.lstrip()))
        return NOT_SHOWN if hidden else text
    scheme, rest = address[1].lower(), address[2].rstrip()
    login, _, location = rest.rpartition("@")
    if rest and (re.search(r"[/\\?#]", login) or not _SERVER.match(location)):
        return f"{scheme}{NOT_SHOWN}"
    return f"{scheme}{_REST.split(location, maxsplit=1)[0]}"


def redacted_within(message: str) -> str:
    """A message in which every word that is a URL or holds a login is redacted."""
    return _WORD.sub(lambda word: redacted(word[0]), message)
