"""Options of commands that open cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from seaformer_edge.cli.options import FloatRange
from seaformer_edge.safe_text import redacted


def _size(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    from seaformer_edge.sources.camera_settings import parse_size

    try:
        return None if text is None else parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def camera_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the options, and passes `camera`: those that are given, of `CameraSettings`."""

    @click.option(
        "--camera-size", callback=_size, metavar="WxH", help="Size of the camera's pictures."
    )
    @click.option(
        "--camera-fps",
        type=FloatRange(0, 1000, min_open=True),
        metavar="N",
        help="Frames per second of the camera.",
    )
    @click.option(
        "--rotate",
        type=click.Choice(["0", "90", "180", "270"]),
        help="Turn the camera's pictures clockwise.",
    )
    @click.option(
        "--flip/--no-flip", default=None, help="Swap left and right of the camera's pictures."
    )
    @wraps(command)
    def with_camera(
        *args: object,
        camera_size: tuple[int, int] | None,
        camera_fps: float | None,
        rotate: str | None,
        flip: bool | None,
        **kwargs: object,
    ) -> int:
        degrees = None if rotate is None else int(rotate)
        values = {"size": camera_size, "rate": camera_fps, "rotate": degrees, "flip": flip}
        camera = {name: value for name, value in values.items() if value is not None}
        return command(*args, camera=camera, **kwargs)

    return with_camera


def refuse_without_a_camera(camera: Mapping[str, Any], source: str) -> None:
    """Raises click.UsageError for options of a camera with another source."""
    from seaformer_edge.sources import SourceSpec

    if camera and not SourceSpec.parse(source).is_camera:
        raise click.UsageError(
            "--camera-size, --camera-fps, --rotate and --flip are for cameras, and"
            f" {redacted(source)} is none"
        )
