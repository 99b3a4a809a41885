from __future__ import annotations

import itertools
import socket
import time

import pytest
from fake_drive import FILE_ID, FakeDrive

from seaformer_edge.errors import ModelError
from seaformer_edge.hub import connection
from seaformer_edge.hub import download as download_module
from seaformer_edge.hub.download import download

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 4000
"""Larger than one chunk."""


@pytest.fixture
def drive():
    with FakeDrive(CONTENT) as drive:
        yield drive


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "mine.pth"


@pytest.fixture
def fetch(drive, target):
    """Downloads into `target`; returns the arguments of the progress callback."""

    def run():
        calls = []
        download(FILE_ID, target, lambda *sizes: calls.append(sizes), drive.url)
        return calls

    return run


def part_of(target):
    return target.with_name(target.name + ".part")


@pytest.mark.parametrize("confirm", [False, True], ids=["at once", "after the form"])
def test_a_complete_download_leaves_only_the_file(drive, fetch, target, confirm):
    drive.confirm = confirm
    calls = fetch()
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert calls[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("cuts", [[1], [1000, 300_000], [600_000]])
def test_a_lost_connection_is_resumed(drive, fetch, target, cuts, confirm):
    drive.cuts, drive.confirm = [*cuts], confirm
    fetch()
    assert target.read_bytes() == CONTENT
    ends = [sum(cuts[: i + 1]) for i in range(len(cuts))]
    assert drive.requests == [None, *(f"bytes={end}-" for end in ends)]


def test_data_received_before_a_failure_is_not_requested_again(drive, fetch, target):
    drive.cuts = [1000, 0]
    with pytest.raises(ModelError, match=r"cannot be reached \(.+\); try again later"):
        fetch()
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:1000]
    fetch()
    assert target.read_bytes() == CONTENT
    assert drive.requests == [None, "bytes=1000-", "bytes=1000-"]


def test_an_interrupt_keeps_the_received_data(drive, target):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(FILE_ID, target, interrupt, drive.url)
    kept = part_of(target).read_bytes()
    assert 0 < len(kept) < len(CONTENT)
    assert CONTENT.startswith(kept)


def test_a_server_without_ranges_starts_from_the_beginning(drive, fetch, target):
    drive.ranges, drive.cuts = False, [1000]
    fetch()
    assert target.read_bytes() == CONTENT
    assert drive.requests == [None, "bytes=1000-"]


def test_retries_without_progress_end(drive, fetch):
    drive.ranges, drive.cuts = False, [1000] * 9
    with pytest.raises(ModelError, match="cannot be reached"):
        fetch()
    assert len(drive.requests) == 2


def keep_part(target, content, version='"1"'):
    target.parent.mkdir()
    part_of(target).write_bytes(content)
    if version is not None:
        target.with_name(target.name + ".part.version").write_text(version)


def test_a_complete_part_file_is_used(drive, fetch, target):
    keep_part(target, CONTENT)
    assert fetch() == []
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_a_part_longer_than_the_file_is_discarded(drive, fetch, target):
    keep_part(target, CONTENT + b"more")
    fetch()
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, "careless"])
@pytest.mark.parametrize("version", ['"2"', "Sat, 28 Nov 2026 09:00:00 GMT", None, ""])
def test_a_part_of_another_version_is_not_continued(drive, fetch, target, ranges, version):
    drive.ranges = ranges
    keep_part(target, b"PK\x03\x04 of another version", version)
    fetch()
    assert target.read_bytes() == CONTENT


def test_a_part_of_a_server_that_names_no_version_is_not_continued(drive, fetch, target):
    drive.version, drive.cuts = None, [1000]
    fetch()
    assert target.read_bytes() == CONTENT
    assert drive.requests == [None, None]


def test_a_wrong_range_is_refused(drive, fetch, target):
    drive.ranges, drive.cuts = "wrong", [1000]
    with pytest.raises(ModelError, match="the wrong part of the file"):
        fetch()
    assert not target.exists()


@pytest.mark.parametrize("status", [200, 403])
def test_an_exceeded_quota_is_reported_with_a_way_around_it(drive, fetch, target, status):
    drive.page = ("Google Drive - Quota exceeded", status)
    with pytest.raises(ModelError, match="quota") as refusal:
        fetch()
    assert f"open https://drive.google.com/file/d/{FILE_ID}/view in a browser" in str(refusal.value)
    assert f"save the file as {target}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("title", "status", "shown"),
    [
        ("Sign in - Google Accounts", 200, "Sign in - Google Accounts"),
        ("Error 404 (Not Found)!!1", 404, "Error 404"),
        ("", 500, "status 500"),
    ],
)
def test_the_title_of_any_other_page_is_reported(drive, fetch, target, title, status, shown):
    drive.page = (title, status)
    with pytest.raises(ModelError, match=f"a page instead of the file \\({shown}"):
        fetch()
    assert list(target.parent.iterdir()) == []


def test_a_form_that_leads_to_another_page_is_submitted_once(drive, fetch):
    drive.confirm = "again"
    with pytest.raises(ModelError, match="Virus scan warning"):
        fetch()


@pytest.mark.parametrize("content", [b"<!doctype html>", b"GIF89a", b'{"error": 1}'])
def test_a_file_that_is_not_a_checkpoint_is_refused_at_its_first_bytes(
    drive, fetch, target, content
):
    drive.content = content
    with pytest.raises(ModelError, match="not a checkpoint"):
        fetch()
    assert not target.exists()


@pytest.mark.parametrize("confirm", [False, True], ids=["redirect", "form"])
@pytest.mark.parametrize("address", ["http://drive.example", "ftp://127.0.0.1", "file:///etc"])
def test_other_machines_are_contacted_by_https_only(drive, fetch, confirm, address):
    drive.confirm, drive.elsewhere = confirm, address
    # urllib does not follow a redirect to file:, so the response is the redirect itself.
    refusal = "not an https address" if confirm or "file" not in address else "status 303"
    with pytest.raises(ModelError, match=refusal):
        fetch()


def test_no_server(target):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses at once
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ModelError, match=r"mine\.pth: Google Drive cannot be reached"):
            download(FILE_ID, target, lambda *_: None, url)


def test_an_unwritable_folder(drive, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written"):
        download(FILE_ID, tmp_path / "file" / "mine.pth", lambda *_: None, drive.url)


def answer(headers, body=b"PK\x03\x04", status="200 OK"):
    return [f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode("latin-1"), body]


def trickle(*start):
    yield from start
    while True:
        yield b"P"
        time.sleep(0.01)


CHUNKED = "Transfer-Encoding: chunked"
LENGTH = "Content-Length: "
RANGE = "Content-Range: bytes "
PART = "206 Partial Content"
BAD_ANSWERS = {
    "nothing": ([], "closed connection"),
    "no HTTP": ([b"garbage\r\n\r\n"], "garbage"),
    "length is no number": (answer(LENGTH + "x"), "malformed Content-Length"),
    "negative length": (answer(LENGTH + "-5"), "malformed Content-Length"),
    "length of 400 digits": (answer(LENGTH + "9" * 400), "malformed Content-Length"),
    "length is not met": (answer(LENGTH + "5"), "ended early"),
    "large length": (answer(LENGTH + "9" * 12), "larger than"),
    "range is no number": (answer(RANGE + "a-b/c", status=PART), "malformed Content-Range"),
    "range in other digits": (answer(RANGE + "0-3/\xb2", status=PART), "malformed Content-Range"),
    "range that was not asked for": (answer(RANGE + "0-3/4", status=PART), "the wrong part"),
    "negative chunk": (answer(CHUNKED, b"-1\r\nPK\x03\x04"), "Read"),
    "chunk is no number": (answer(CHUNKED, b"zz\r\nPK\x03\x04"), "Read"),
    "chunk of 400 digits": (answer(CHUNKED, b"f" * 400 + b"\r\nPK\x03\x04"), "Read"),
    "long header": (answer("X: " + "x" * 70_000), "header line"),
    "many headers": (answer("\r\n".join(["X: x"] * 200)), "more than 100 headers"),
    "empty file": (answer(LENGTH + "0", b""), "ended early"),
    "no content": (answer("", b"", "204 No Content"), "status 204"),
    "endless file": (itertools.chain(answer("X: x"), itertools.repeat(b"P" * 99)), "more than"),
    "endless headers": (itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), "more than"),
    "slow headers": (trickle(b"HTTP/1.1 200 OK\r\n"), "less than 1000 bytes a second"),
    "slow file": (trickle(*answer("X: x")), "less than 1000 bytes a second"),
    "slow chunk": (trickle(*answer(CHUNKED, b"4;")), "less than 1000 bytes a second"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_one_line(drive, fetch, target, monkeypatch, name):
    monkeypatch.setattr(connection, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(connection, "SLOW_AFTER_S", 0.1)
    drive.answer, message = BAD_ANSWERS[name]
    with pytest.raises(ModelError, match=message) as refusal:
        fetch()
    assert "\n" not in str(refusal.value)
    assert len(drive.requests) <= 2
    assert not target.exists()


@pytest.mark.parametrize("confirm", [False, True], ids=["redirect", "form"])
@pytest.mark.parametrize(
    "address",
    [
        *("http://[", "https://[::1", "https://127.0.0.1:port", "http://127.0.0.1:99999"),
        *("https://ex ample", "https:///", "https://" + "a" * 70 + ".example", "//", "\x01"),
    ],
)
def test_a_malformed_address_is_one_line(drive, fetch, confirm, address):
    drive.confirm, drive.elsewhere = confirm, address
    with pytest.raises(ModelError) as refusal:
        fetch()
    assert "\n" not in str(refusal.value)


def test_redirects_in_a_circle_end(drive, fetch):
    drive.elsewhere = f"{drive.url}/uc"
    with pytest.raises(ModelError, match="status 303"):
        fetch()


def test_the_number_of_connections_is_limited(drive, fetch, monkeypatch):
    monkeypatch.setattr(download_module, "MAX_CONNECTIONS", 3)
    drive.cuts = [1000] * 9
    with pytest.raises(ModelError, match="cannot be reached"):
        fetch()
    assert len(drive.requests) == 3
