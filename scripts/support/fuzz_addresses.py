"""Fuzz targets: values of `--source`, URLs, playlists, answers of a server, text to show."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from functools import cache
from itertools import islice
from unittest.mock import patch

from clips import numbered, write_video
from fuzz_inputs import Target, damaged, folder, put
from hypothesis import strategies as st

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.hub import connection, download
from seaformer_edge.safe_text import printable, redacted, redacted_within
from seaformer_edge.sources import SourceSpec, open_source

SECRET = "hunter2"
OUTSIDE = (112, 80)
"""Width and height of the clip that no playlist may read."""

# Values of `--source`.

_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="*?["), max_size=20)
_SPECS = st.one_of(
    _WORDS,
    _WORDS.map(lambda word: f"~{word}"),
    _WORDS.map(lambda word: f"/dev/video{word}"),
    _WORDS.map(lambda word: f"synthetic{word}"),
    st.builds("synthetic:{}x{}@{}".format, *[st.integers(0, 10**9)] * 2, st.floats(0, 1e9)),
    st.integers(0).map(str),
    st.integers(1, 6000).map(lambda count: "9" * count),
    st.sampled_from(["a" * 300, "\0", "a\0b", "/", ".", "..", "[", "***", "synthetic:1x1"]),
)
# On a port without a server.
_HOSTS = st.sampled_from(
    ["127.0.0.1:1", "[::1]:1", "[", "]", "[::1", "127.0.0.1:x", "", "a@b", "cam", "10.0.0.7"]
)
_URLS = st.one_of(
    st.builds(
        lambda scheme, user, host, path: f"{scheme}://{user}:{SECRET}@{host}/{path}?key={SECRET}",
        st.sampled_from(["http", "rtsp", "RTSP", "https", "rtmp", "srt", "tcp", "udp", "rtmps"]),
        _WORDS,
        _HOSTS,
        _WORDS,
    ),
    st.builds(
        lambda scheme, user, at, host: f"{scheme}me{user}:{SECRET}{at}{host}",
        st.sampled_from(["", " ", "//", "://", "http:/", "rtsp:", "rtsp//", "http:///", "ftp ://"]),
        _WORDS,
        st.sampled_from(["@", "%40", "@@", " @"]),
        st.sampled_from(["cam", "10.0.0.7:554", "[::1]/live", "cam/?key=" + SECRET]),
    ),
    _WORDS.map(lambda word: f"{word}://{word}"),
    _WORDS.map(lambda word: f"http://{word}"),
)


def _open_spec(spec: object) -> None:
    assert isinstance(spec, str)
    SourceSpec.parse(spec).resolved()
    with open_source(spec) as source:
        assert next(iter(source)).image.ndim == 3


def _name_url(url: object) -> None:
    assert isinstance(url, str)
    shown = [redacted(url)]
    if not re.search(r"\s", url):
        shown.append(redacted_within(f"cannot be opened ({url}): no answer"))
    spec = SourceSpec.parse(url)
    try:
        # Not other hosts; and udp waits ten seconds.
        if not spec.is_live or ("127.0.0.1:1/" in url and not url.startswith("udp")):
            with open_source(url):
                pass
    except SeaformerEdgeError as error:
        shown.append(str(error))
        raise
    finally:
        assert not any(SECRET in text for text in shown), shown


# Text to show.


def _show(text: object) -> None:
    assert isinstance(text, str)
    shown = printable(redacted_within(text))
    shown.encode()
    assert not re.search(r"[^\t\n -~\u00a0-\U0010ffff]", shown)
    assert printable(shown) == shown


_TEXTS = st.text(st.characters(), max_size=60) | st.lists(
    st.sampled_from(
        ["\x1b[31m", "\x9b", "\x07", "\u202e", "\udc80", "http://", ":", "@", "?", "a="]
    )
).map("".join)


# Playlists.


@cache
def _playlists() -> dict[str, bytes]:
    beside, outside = folder() / "lists" / "a.ts", folder() / "outside.ts"
    beside.parent.mkdir(exist_ok=True)
    write_video(beside, [numbered(i) for i in range(12)])
    write_video(outside, [numbered(i, OUTSIDE) for i in range(12)])
    (beside.parent / "link.ts").unlink(missing_ok=True)
    (beside.parent / "link.ts").symlink_to(outside)
    names = ("a.ts", "../outside.ts", "link.ts", f"file:{outside}", "./../lists/a.ts")
    segments = "".join(f"#EXTINF:1,\n{name}\n" for name in names)
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
    texts = {
        "a.m3u8": f"{head}#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n",
        "b.m3u8": f"{head}{segments}#EXT-X-ENDLIST\n",
        "c.m3u8": '#EXTM3U\n#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="x",URI="../outside.ts"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8\n",
        "a.ffconcat": "ffconcat version 1.0\nfile a.ts\n",
        "b.ffconcat": "ffconcat version 1.0\n" + "".join(f"file '{name}'\n" for name in names),
    }
    return {name: text.encode() for name, text in texts.items()}


def _play(named: object) -> None:
    name, data = named  # type: ignore[misc]
    with open_source(put(f"lists/{name}", data)) as source:
        for frame in islice(source, 30):
            assert frame.image.shape[1::-1] != OUTSIDE, "a frame from outside the folder"


# Answers of a server to a download, and its pages.


class _Answering(socketserver.ThreadingTCPServer):
    """Sends `answer` to every connection, and closes it."""

    answer = b""
    daemon_threads = True


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Answering)
        try:
            self.request.recv(65536)
            self.request.sendall(self.server.answer)
        except OSError:
            pass


@cache
def _server() -> _Answering:
    server = _Answering(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@cache
def _answers() -> dict[str, bytes]:
    url = f"http://127.0.0.1:{_server().server_address[1]}"
    body = b"PK\x03\x04" + bytes(40)
    form = (
        f'<title>T</title><form id="download-form" action="{url}/d">'
        '<input type="hidden" name="a" value="b"></form>'
    )
    ok, part = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 206 Partial Content\r\n"
    heads = {
        "length": f'{ok}Content-Length: 44\r\nETag: "1"\r\n',
        "part": f'{part}Content-Range: bytes 4-43/44\r\nETag: "1"\r\nContent-Length: 40\r\n',
        "no part": "HTTP/1.1 416 No\r\nContent-Range: bytes */4\r\n",
        "moved": f"HTTP/1.1 302 Found\r\nLocation: {url}/x\r\n",
        "page": f"{ok}Content-Type: text/html; charset=utf-8\r\n",
        "chunked": f"{ok}Transfer-Encoding: chunked\r\n",
    }
    bodies = {"part": body[4:], "page": form.encode()}
    bodies["chunked"] = b"2c\r\n" + body + b"\r\n0\r\n\r\n"
    return {k: f"{head}\r\n".encode() + bodies.get(k, body) for k, head in heads.items()}


def _local_only(host: str, *arguments: object, **options: object) -> object:
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise socket.gaierror(-2, "Name or service not known")
    return _getaddrinfo(host, *arguments, **options)  # type: ignore[arg-type]


_getaddrinfo = socket.getaddrinfo


def _download(named: object) -> None:
    name, _server().answer = named  # type: ignore[misc]
    target = folder() / "checkpoint.pth"
    target.unlink(missing_ok=True)
    if "part" in name:
        put("checkpoint.pth.part", b"PK\x03\x04")
        put("checkpoint.pth.part.version", b'"1"')
    url = f"http://127.0.0.1:{_server().server_address[1]}"
    with (
        patch.object(socket, "getaddrinfo", _local_only),
        patch.object(connection, "TIMEOUT_S", 2),
        patch.object(download, "MAX_CONNECTIONS", 3),
    ):
        download.download("id", target, lambda *_: None, url)
    assert target.read_bytes()[:1] in (b"P", b"\x80")


def _read_page(text: object) -> None:
    download._Page(text)  # type: ignore[arg-type]


_TAGS = st.sampled_from(
    ["<title>", "</title>", '<form id="download-form"', ' action="', ">", "<!", "<![", "&#", "-->"]
)
_PAGES = st.lists(_TAGS | st.text(max_size=6)).map("".join)

ADDRESS_TARGETS = {
    "sources": Target(lambda: _SPECS, _open_spec),
    "urls": Target(lambda: _URLS, _name_url),
    "shown texts": Target(lambda: _TEXTS, _show),
    "playlists": Target(lambda: damaged(_playlists()), _play),
    "downloads": Target(lambda: damaged(_answers()), _download),
    "pages": Target(lambda: _PAGES, _read_page),
}
