"""`--serve`, `--token-file` and `--no-auth`: the page of a live run."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from seaformer_edge.cli.options import file_path
from seaformer_edge.cli.output import say
from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine.extras import install_extra
from seaformer_edge.web.address import DEFAULT_ADDRESS, Address, is_local, listen, url_of

if TYPE_CHECKING:
    from seaformer_edge.live.headless import HeadlessRun
    from seaformer_edge.web.controls import Controls

Command = TypeVar("Command", bound=Callable[..., object])


def _address(_: click.Context, __: click.Parameter, text: str | None) -> Address | None:
    try:
        return None if text is None else Address.parse(text)
    except ValueError as error:
        message = f"{error}; without HOST:PORT, write --serve after SOURCE"
        raise click.BadParameter(message) from error


def serve_options(command: Command) -> Command:
    """Adds the options to a command."""
    serve = click.option(
        "--serve",
        is_flag=False,
        flag_value=DEFAULT_ADDRESS,
        callback=_address,
        metavar="[HOST:PORT]",
        help=f"Show the run on a page in the browser; at {DEFAULT_ADDRESS} without HOST:PORT.",
    )
    token_file = click.option(
        "--token-file",
        type=file_path,
        metavar="FILE",
        help="Let in whoever has the token in FILE. Without it, the token is made and printed if"
        " other machines can open the page.",
    )
    no_auth = click.option("--no-auth", is_flag=True, help="Let in everybody without a token.")
    return serve(token_file(no_auth(command)))


@dataclass(frozen=True, slots=True)
class Site:
    """An open address, and who may see the page there.

    Attributes:
        token: None lets in everybody.
        is_new: whether the token was made, and nobody knows it yet.
    """

    address: Address
    listener: socket.socket
    token: str | None
    is_new: bool

    def serve(self, run: HeadlessRun, controls: Controls) -> AbstractContextManager[object]:
        """Prints where the page is, and serves it within the returned context."""
        from seaformer_edge.web.access import Access
        from seaformer_edge.web.server import WebServer

        token = f" with the token {self.token}" if self.is_new else ""
        say(f"page at {url_of(self.listener)}{token}")
        return WebServer(
            run.pipeline,
            self.listener,
            controls,
            Access(self.token, self.address.host, self.listener.getsockname()[1]),
            lambda: run.board,
        )


def open_site(address: Address, token_file: Path | None, no_auth: bool) -> Site:
    """Opens the address.

    Raises:
        SeaformerEdgeError: the extra is not installed, the token file cannot be used, or the
            address cannot be opened.
        click.UsageError: a token and none are asked for.
    """
    from seaformer_edge.web.access import make_token, read_token

    if token_file is not None and no_auth:
        raise click.UsageError("give --token-file or --no-auth, not both")
    try:
        import aiohttp  # noqa: F401
    except ModuleNotFoundError as error:
        message = f"the page needs aiohttp: {install_extra('serve')}"
        raise SeaformerEdgeError(message) from error
    token = None if token_file is None else read_token(token_file)
    listener = listen(address)
    is_new = token is None and not no_auth and not is_local(listener)
    return Site(address, listener, make_token() if is_new else token, is_new)
