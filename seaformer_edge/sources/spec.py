"""What a person passes as `--source`, parsed: every decision about a source asks `SourceSpec`.

To add a kind of source, write its class in one file of this package and add one row to `KINDS`,
before "path" if its texts begin with a word of their own.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seaformer_edge.errors import SourceError, suggestion
from seaformer_edge.machine.stored_url import names_stored_url, read_stored_url
from seaformer_edge.safe_text import NOT_SHOWN, is_address, redacted
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.camera_settings import AS_IT_IS, CameraSettings
from seaformer_edge.sources.devices import PREFIX, names_camera, open_camera
from seaformer_edge.sources.paths import absolute, is_path, open_path, open_pattern, open_sample
from seaformer_edge.sources.picamera import PicameraSource
from seaformer_edge.sources.pipe import PipeSource
from seaformer_edge.sources.process import WorkerSource
from seaformer_edge.sources.stream import StreamSource
from seaformer_edge.sources.synthetic import SyntheticSource, is_synthetic
from seaformer_edge.sources.url import SCHEMES, is_url, with_login_of

KEYWORDS = ("picamera", "sample", "synthetic")
"""Sources that are words, for suggestions and completion."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A row of `KINDS`.

    Attributes:
        name: for people.
        matches: whether a text names a source of this kind.
        open: opens it by the text, a camera with the settings; raises SourceError.
        is_live: frames are lost if they are not read in time, and the source may block, vanish and
            come back: a camera or a stream.
        is_local: the text may be a path, which depends on the working directory.
        is_camera: it has `CameraSettings`.
    """

    name: str
    matches: Callable[[str], bool]
    open: Callable[[str, CameraSettings], FrameSource]
    is_live: bool
    is_local: bool = False
    is_camera: bool = False


def _open_stored_url(text: str) -> FrameSource:
    url = read_stored_url(text, SourceError)
    if not is_url(url):  # not shown: it may be any secret
        raise SourceError(f"{text}: its first line is no URL")
    return StreamSource(url)


def _raise_not_found(text: str) -> FrameSource:
    if is_address(text):
        known = ", ".join(f"{known}://" for known in sorted(SCHEMES))
        raise SourceError(f"{redacted(text)}: no URL of a known kind ({known})")
    known = "seaformer-edge demo --list-sources lists the cameras, and camera:NAME names one"
    hint = suggestion(text, KEYWORDS, known)
    raise SourceError(f"{redacted(text)}: no such file, folder or camera; {hint}")


def _plain(open_text: Callable[[str], FrameSource]) -> Callable[[str, CameraSettings], FrameSource]:
    """Opens a source that is no camera."""
    return lambda text, _: open_text(text)


# The first row that matches decides: a file named "0" comes before the camera 0. A URL counts as
# live until it is opened: only then is it known whether it leads to a file.
# fmt: off
KINDS = (
    SourceKind("standard input", lambda text: text == "-", lambda *_: PipeSource(), is_live=False),
    SourceKind("sample", lambda text: text == "sample", lambda *_: open_sample(), is_live=False),
    SourceKind("picamera", lambda text: text == "picamera",
               lambda _, camera: PicameraSource(camera), is_live=True, is_camera=True),
    SourceKind("camera by name", lambda text: text.startswith(PREFIX), open_camera, is_live=True,
               is_camera=True),
    SourceKind("synthetic", is_synthetic, _plain(SyntheticSource.from_spec), is_live=False),
    SourceKind("url", is_url, _plain(StreamSource), is_live=True),
    SourceKind("path", is_path, _plain(open_path), is_live=False, is_local=True),
    SourceKind("camera", names_camera, open_camera, is_live=True, is_local=True,
               is_camera=True),
    SourceKind("stored URL", names_stored_url, _plain(_open_stored_url), is_live=True,
               is_local=True),
    SourceKind("mistyped URL", lambda text: redacted(text) != text, _plain(_raise_not_found),
               is_live=False),
    SourceKind("pattern", glob.has_magic, _plain(open_pattern), is_live=False, is_local=True),
    SourceKind("unknown", lambda _: True, _plain(_raise_not_found), is_live=False, is_local=True),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source by its text, as `--source` takes it, and its kind.

    The kind is that at the time of parsing: it changes if a file is created or removed, or a camera
    is plugged in. Parsing may wait for the file system or for a device.
    """

    text: str
    kind: SourceKind

    @classmethod
    def parse(cls, spec: str | Path) -> Self:
        """Never raises: opening the source reports what is wrong. A `Path` is never a keyword
        such as `sample`, nor a URL."""
        text = str(spec)
        kinds = (kind for kind in KINDS if kind.is_local or not isinstance(spec, Path))
        return cls(text, next(kind for kind in kinds if kind.matches(text)))

    @property
    def is_live(self) -> bool:
        """Whether it is a camera or a stream; see `SourceKind`."""
        return self.kind.is_live

    @property
    def runs_in_worker(self) -> bool:
        """Whether to open it in a worker process: a live source may block without end."""
        return self.kind.is_live

    @property
    def display_name(self) -> str:
        """The text without secrets."""
        return redacted(self.text)

    def resolved(self) -> str:
        """The text that names the same source from another working directory."""
        return absolute(self.text) if self.kind.is_local else self.text

    @property
    def is_camera(self) -> bool:
        """Whether it has `CameraSettings`."""
        return self.kind.is_camera

    def open(self, camera: CameraSettings = AS_IT_IS) -> FrameSource:
        """Opens the source in this process.

        Args:
            camera: how, if it is one.

        Raises:
            SourceError: it does not exist or cannot be read.
        """
        return self.kind.open(self.text, camera)

    def open_interruptible(self) -> FrameSource:
        """Opens the source so that `FrameSource.interrupt` and Ctrl-C end any waiting for it.

        Raises:
            SourceError: it does not exist or cannot be read.
        """
        return WorkerSource(self.text) if self.runs_in_worker else self.open()


def open_source(spec: str | Path, camera: CameraSettings = AS_IT_IS) -> FrameSource:
    """Opens a source.

    Args:
        spec: what `--source` takes: a video, picture, folder, or pattern such as `frames/*.png`; a
            camera's number or device, or `camera:` and its name; `picamera`; a URL; `@FILE` or
            `env:NAME`, a file or variable whose first line is a URL; `-`, standard input; `sample`,
            the clip that is shipped with the package; or `synthetic`, `synthetic:1280x720@30`.
        camera: how a camera is opened.

    Raises:
        SourceError: it does not exist or cannot be read.
    """
    return SourceSpec.parse(spec).open(camera)


def expand_displayed(text: str, known: str, displayed: str) -> str:
    """The source that a person means by a text that was typed over the display name of another.

    Args:
        text: what was typed.
        known: the text of the other source, with its secrets.
        displayed: its display name, or the name that it has reported itself.

    Raises:
        SourceError: the URL lacks a part that is not displayed.
    """
    if text == displayed:
        return known
    if NOT_SHOWN in text:
        raise SourceError("The URL is incomplete: type it again, with its login")
    if not is_url(text):
        return text
    return with_login_of(known, text)
