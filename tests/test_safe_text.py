from __future__ import annotations

import pytest

from seaformer_edge.safe_text import printable, redacted, redacted_within


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.7:554/live", "rtsp://10.0.0.7:554/live"),
        ("http://cam/video?user=admin&pwd=s3cret#x", "http://cam/video"),
        ("http://cam/video;token=s3cret", "http://cam/video"),
        ("rtsp://cam:554/user=admin&password=s3cret&channel=1", "rtsp://cam:554"),
        ("rtsp://admin:s3@cret@cam/live", "rtsp://cam/live"),
        ("https://token@cam", "https://cam"),
        ("RTSP://cam:8554/live", "rtsp://cam:8554/live"),
        ("rtsp://admin:s3/cret@cam/live", "rtsp://(not shown)"),
        ("rtsp://admin:s3#cret@cam/live", "rtsp://(not shown)"),
        ("rtsp://admin:s3cret%40cam/live", "rtsp://(not shown)"),
        ("http://admin:s3cret@cam/video?mail=a@b", "http://(not shown)"),
        ("http://admin:s3cret@[::1/video", "http://(not shown)"),
        ("http://admin:s3cret@[::1]:80/video", "http://[::1]:80/video"),
        ("rtmps://admin:s3cret@cam/live?token=s3cret", "rtmps://cam/live"),
        (" ftp://admin:s3cret@cam/live\n", "ftp://cam/live"),
        ("http:/admin:s3cret@cam", "http:/cam"),
        ("http:\\\\admin:s3cret@cam", "http:\\\\cam"),
        ("rtsp//admin:s3cret@cam", "(not shown)"),
        ("rtsp ://admin:s3cret@cam", "(not shown)"),
        ("'rtsp://admin:s3cret@cam'", "(not shown)"),
        ("admin:s3cret@cam/live", "(not shown)"),
        ("admin:s3cret@10.0.0.7", "(not shown)"),
        ("admin%3as3cret%40cam/live", "(not shown)"),
        ("cam/video?token=s3cret", "(not shown)"),
    ],
)
def test_secrets_are_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert "s3cret" not in redacted_within(f"cannot be opened ({text}): no answer")


@pytest.mark.parametrize(
    "text",
    [
        *("0", "sample", "street.mp4?", "frames/*.png", "/mnt/a:b@c.mp4", "~/a:b@c.mp4", "a@b.mp4"),
        *("@cam.txt", "env:CAM", "udp://239.0.0.1:1234", "srt://:9000", "http://cam/a%20b.mp4"),
        *("synthetic:96x64@100", "synthetic:1280x720@29.97"),
    ],
)
def test_a_text_without_secrets_is_unchanged(text: str) -> None:
    assert redacted(text) == text
    message = f"{text}: cannot be opened (http://, https://); see 'seaformer-edge --help'."
    assert redacted_within(message) == message


def test_terminal_escapes_are_printable() -> None:
    text = "a\x1b]0;title\x07\x9b31m\r\x7f\u202e\udc80\0 é 日本\t\n"
    assert printable(text) == (
        r"a\u001b]0;title\u0007\u009b31m\u000d\u007f\u202e\udc80\u0000" + " é 日本\t\n"
    )
