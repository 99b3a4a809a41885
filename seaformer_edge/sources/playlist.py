"""Playlists and scripts, files that name other files: which of those may be read.

A local file may come from anywhere, so it reads what lies beside or below itself at most: a
playlist in ~/Downloads shows no recording from elsewhere, and asks no server.
"""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import IO, Any

import av
import av.container

from seaformer_edge.errors import SourceError

log = logging.getLogger(__name__)

PLAYLIST_SUFFIXES = frozenset({".ffconcat", ".m3u8"})
# Formats whose files name other files or addresses to read.
_INDIRECT = {"concat", "dash", "hls", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp"}
_INDIRECT |= {"webm_dash_manifest"}

MEDIA_ONLY = {"format_whitelist": ",".join(sorted(av.formats_available - _INDIRECT))}
"""Options of `av.open` for a file that names no other files."""

NO_FILES = {
    "protocol_whitelist": "crypto,data,ffrtmpcrypt,ffrtmphttp,http,httpproxy,https,rtmp,rtmpe,rtmps"
    ",rtmpt,rtmpte,rtmpts,rtp,srt,srtp,tcp,tls,udp"
}
"""Options of `av.open` for a URL: whatever a server sends, it cannot name local files."""


TIMEOUT_S = 10.0
MAX_LIST_BYTES = 1 << 24
_HLS = b"#EXTM3U"


def open_playlist(path: Path, options: dict[str, str], **more: Any) -> av.container.InputContainer:
    """Opens a file with one of `PLAYLIST_SUFFIXES`; options and more arguments as for `av.open`.

    Raises:
        SourceError: it names a file that is not beside or below it, or an address.
        OSError, av.FFmpegError: it cannot be read.
    """
    folder = path.absolute().parent.resolve()
    if path.suffix.lower() == ".ffconcat":
        _check_script(path, folder)
        options = options | _with_format("concat")
        script: av.container.InputContainer = av.open(f"file:{path}", options=options, **more)
        return script
    left_out: list[str] = []
    is_open = False

    def open_beside(url: str, flags: int, _: dict[str, str]) -> _ClosedAtLast | io.BytesIO:
        reason = "is no file beside or below it"
        target = Path(url.removeprefix("file:")).resolve()
        if url.startswith("file:") and target.is_relative_to(folder):
            try:
                return _opened(target)
            except OSError as error:
                reason = f"cannot be read ({error.strerror})"
        left_out.append(f"{url}, which {reason}")
        if is_open:
            log.warning("%s: left out %s", path, left_out[-1])
        return io.BytesIO()

    options = options | _with_format("hls")
    try:
        playlist: av.container.InputContainer = av.open(
            f"file:{path}", options=options, io_open=open_beside, timeout=TIMEOUT_S, **more
        )
    except (OSError, av.FFmpegError):
        if left_out:
            raise SourceError(f"{path}: names {left_out[0]}") from None
        raise
    if left_out:
        playlist.close()
        raise SourceError(f"{path}: names {left_out[0]}")
    is_open = True
    return playlist


def _opened(path: Path) -> _ClosedAtLast | io.BytesIO:
    """A file that a playlist names, which may be another playlist."""
    with path.open("rb") as file:
        start = file.read(len(_HLS))
        if start == _HLS:
            # Of a list without an end FFmpeg would read the last three files, and wait for more.
            return io.BytesIO(start + file.read(MAX_LIST_BYTES) + b"\n#EXT-X-ENDLIST\n")
    return _ClosedAtLast(path.open("rb"))


class _ClosedAtLast:
    """A file for PyAV, which closes only some of those that it has asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell, self.close = file.read, file.seek, file.tell, file.close

    def __del__(self) -> None:
        self.close()


def _with_format(name: str) -> dict[str, str]:
    return {"format_whitelist": f"{MEDIA_ONLY['format_whitelist']},{name}"}


def _check_script(path: Path, folder: Path) -> None:
    """FFmpeg itself refuses other folders in a script, but not links to them."""
    text = re.sub(r"['\\]", "", path.read_text(errors="replace"))
    for word in text.split():
        if not (folder / word).resolve().is_relative_to(folder):
            raise SourceError(f"{path}: names {word}, which is no file beside or below it")
