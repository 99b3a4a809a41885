"""Files that name other files: which of those are read."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from clips import numbered, write_video
from mjpeg_server import serving

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import open_source

FRAMES = 12


def hls(*names: str) -> str:
    segments = "".join(f"#EXTINF:1,\n{name}\n" for name in names)
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{segments}#EXT-X-ENDLIST\n"


def nested(name: str) -> str:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}\n"


def concat(*names: str) -> str:
    return "ffconcat version 1.0\n" + "".join(f"file {name}\n" for name in names)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clips beside and below, one outside, and a link to that."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for path in (folder / "a.ts", folder / "sub" / "b.ts", tmp_path / "outside.ts"):
        write_video(path, [numbered(i) for i in range(FRAMES)])
    (folder / "link.ts").symlink_to(tmp_path / "outside.ts")
    (folder / "up.m3u8").write_text(hls("../outside.ts"))
    return folder


@pytest.mark.parametrize(
    ("name", "text", "clips"),
    [
        ("list.m3u8", hls("a.ts", "sub/b.ts"), 2),
        ("list.M3U8", nested("more.m3u8"), 1),
        ("list.m3u8", hls(*["a.ts"] * 5).replace("#EXT-X-ENDLIST", ""), 5),
        ("list.ffconcat", concat("a.ts", "sub/b.ts"), 2),
    ],
)
def test_files_beside_and_below_are_read(folder: Path, name: str, text: str, clips: int) -> None:
    (folder / "more.m3u8").write_text(hls("a.ts"))
    (folder / name).write_text(text)
    for path in (folder / name, name):
        with open_source(path) as source:
            assert len(list(source)) == clips * FRAMES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", hls("../outside.ts")),
        ("list.m3u8", hls("{outside}")),
        ("list.m3u8", hls("file:{outside}")),
        ("list.m3u8", hls("file://{outside}")),
        ("list.m3u8", hls("crypto:{outside}")),
        ("list.m3u8", hls("link.ts")),
        ("list.m3u8", hls("a.ts", "sub/../../outside.ts")),
        ("list.m3u8", hls("http://127.0.0.1:1/a.ts")),
        ("list.m3u8", nested("up.m3u8")),
        ("list.m3u8", hls("a.ts").replace("#EXTINF", '#EXT-X-MAP:URI="../outside.ts"\n#EXTINF')),
        ("list.ffconcat", concat("../outside.ts")),
        ("list.ffconcat", concat("{outside}")),
        ("list.ffconcat", concat("a.ts", "link.ts")),
        ("list.ffconcat", concat("'li'nk.t\\s")),
        ("list.ffconcat", concat("http://127.0.0.1:1/a.ts")),
    ],
)
def test_no_other_file_is_read(folder: Path, name: str, text: str) -> None:
    outside = folder.parent / "outside.ts"
    (folder / name).write_text(text.replace("{outside}", str(outside)))
    for path in (folder / name, name):
        with pytest.raises(SourceError, match=r"no file beside or below it|cannot be read"):
            open_source(path)


def test_what_a_playlist_names_later_is_left_out_with_a_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.ts", "sub/b.ts"):  # the first ones are read when the list is opened
        write_video(folder / name, [numbered(i) for i in range(300)])
    (folder / "list.m3u8").write_text(hls("a.ts", "sub/b.ts", "../outside.ts", "none.ts"))
    with caplog.at_level(logging.WARNING), open_source(folder / "list.m3u8") as source:
        assert len(list(source)) == 600
    assert "outside.ts, which is no file beside or below it" in caplog.text
    assert "none.ts, which cannot be read (No such file or directory)" in caplog.text


SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
SCRIPTS = {
    "concat": concat("a.ts"),
    "hls": hls("a.ts"),
    "nested hls": nested("up.m3u8"),
    "sdp": SDP,
    "asx": '<asx version="3.0"><entry><ref href="a.ts"/></entry></asx>',
    "pls": "[playlist]\nFile1=a.ts\nNumberOfEntries=1\n",
    "dash": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:full:2011">'
    "<Period><AdaptationSet><Representation><BaseURL>a.ts</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("suffix", [".mp4", ".m3u", ".sdp", ".asx", ".pls", ".mpd", ".ffconcat"])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_under_another_suffix_reads_no_other_file(
    folder: Path, kind: str, suffix: str
) -> None:
    if (kind, suffix) == ("concat", ".ffconcat"):
        return
    (folder / f"evil{suffix}").write_text(SCRIPTS[kind])
    with pytest.raises(SourceError):
        open_source(folder / f"evil{suffix}")


def test_a_playlist_of_a_server_reads_no_local_file(folder: Path) -> None:
    outside = folder.parent / "outside.ts"
    (folder / "ok.m3u8").write_text(hls("a.ts"))
    (folder / "evil.m3u8").write_text(hls(f"file://{outside}"))
    (folder / "nested.m3u8").write_text(nested(f"file://{folder}/ok.m3u8"))
    with serving(folder) as web:
        with open_source(f"{web}/ok.m3u8") as source:
            assert len(list(source)) == FRAMES
        for name in ("evil", "nested"):
            with pytest.raises(SourceError):
                open_source(f"{web}/{name}.m3u8")
