"""The page in a headless Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import web_site
from chromium import Tab, find_chromium, open_tab
from fakes import wait_until
from web_site import Serve, Site

from seaformer_edge.inference.modes import Mode
from seaformer_edge.zones import read_zones

PROGRAM = find_chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium (Debian package chromium)"),
]

# The frame number, burnt into the top edge of a synthetic picture.
COUNTER = """(() => {
    const canvas = document.getElementById("picture");
    const row = canvas.getContext("2d").getImageData(0, 1, canvas.width, 1).data;
    let number = 0;
    for (let bit = 0; bit < 24; bit++) {
        if (row[4 * Math.floor((bit + 0.5) * canvas.width / 24)] > 127) number += 2 ** bit;
    }
    return number;
})()"""
UNNAMED = """[...document.querySelectorAll("button, a, input, select, canvas")].filter((element) =>
    !element.closest("[hidden]") && !element.textContent.trim() &&
    !element.getAttribute("aria-label") && !element.labels?.length).length"""


class Browser:
    """A tab that is driven step by step."""

    def __init__(self, runner: asyncio.Runner, tab: Tab) -> None:
        self._runner = runner
        self.tab = tab

    def do(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(step)

    def open(self, site: Site) -> None:
        self.do(self.tab.open(f"http://127.0.0.1:{site.port}/"))

    def run(self, script: str) -> Any:
        return self.do(self.tab.run(script))

    def wait(self, script: str) -> None:
        self.do(self.tab.wait(script))

    def wait_for_pictures(self) -> int:
        """Waits until the picture moves; returns the frame's number."""
        self.wait("document.querySelectorAll('#names button').length > 0")
        before = self.run(COUNTER)
        self.wait(f"{COUNTER} > {before}")
        return int(self.run(COUNTER))

    def press(self, key: str) -> None:
        text = key if len(key) == 1 else ""
        for kind in ("keyDown", "keyUp"):
            self.do(self.tab.send("Input.dispatchKeyEvent", type=kind, key=key, text=text))

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            place = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.do(self.tab.send("Input.dispatchMouseEvent", type=kind, **place))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM is not None
    with asyncio.Runner() as runner:
        context = open_tab(PROGRAM)
        yield Browser(runner, runner.run(context.__aenter__()))
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def site(serve: Serve) -> Iterator[Site]:
    """A server at a rate that a busy browser can follow."""
    with serve("synthetic:96x64@20") as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Browser]:
    """The page, open and with a moving picture."""
    browser.open(site)
    browser.wait_for_pictures()
    yield browser
    browser.do(browser.tab.open("about:blank"))


def test_pictures_and_figures_move(page: Browser) -> None:
    page.wait("Number(document.getElementById('capture_fps').textContent) > 0")
    page.wait("Number(document.getElementById('page_fps').textContent) > 0")
    page.wait("document.querySelectorAll('#bars li').length > 0")
    before = page.run("document.getElementById('latency_p50_ms').textContent")
    page.wait(f"document.getElementById('latency_p50_ms').textContent !== {before!r}")


def test_unknown_pixels_are_listed_last(page: Browser, site: Site) -> None:
    site.pipeline.set_min_confidence(1.0)
    page.wait("document.querySelector('#bars li:last-child')?.textContent.startsWith('unknown')")


def test_controls_change_the_run(page: Browser, site: Site) -> None:
    page.run("document.querySelector('#modes input[value=mask]').click()")
    wait_until(lambda: site.controls.view.mode is Mode.MASK)
    page.run("$('opacity').value = 80, $('opacity').dispatchEvent(new Event('change'))")
    wait_until(lambda: site.controls.view.opacity == 0.8)
    page.run("document.querySelector('#names button').click()")
    wait_until(lambda: site.controls.classes == {"red"})
    page.wait("document.querySelector('#names button').ariaPressed === 'true'")
    page.run("document.getElementById('all').click()")
    wait_until(lambda: not site.controls.classes)
    page.run("document.getElementById('pause').click()")
    page.wait("document.getElementById('pause').textContent === 'Resume'")
    assert page.run("document.getElementById('message').textContent") == "Paused"
    assert page.run("document.getElementById('record').disabled")  # without a folder


def test_keys_work_as_in_the_window(page: Browser, site: Site) -> None:
    page.run("$('record').focus()")
    page.press("4")
    wait_until(lambda: site.controls.view.mode is Mode.EDGES)
    page.run("document.activeElement.blur()")
    page.press(" ")
    wait_until(lambda: site.pipeline.status().paused)


def test_a_zone_is_drawn_with_a_pointer_and_with_keys(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "zones.toml"
    with serve("synthetic:96x64@20", zone_file=path) as site:
        browser.open(site)
        browser.wait_for_pictures()
        browser.do(browser.tab.resize(390, 844, phone=True))  # the picture fills the width
        browser.run("document.getElementById('draw').click()")
        box = browser.run(
            "(({ x, y, width, height }) => [x, y, width, height])"
            "(document.getElementById('picture').getBoundingClientRect())"
        )
        for x, y in ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75)):
            browser.click(box[0] + x * box[2], box[1] + y * box[3])
        for key in ("ArrowDown", "ArrowLeft", "Enter", "ArrowUp", "Enter", "Backspace"):
            browser.press(key)
        browser.run("$('zone-name').value = 'crossing', $('zone-class').value = 'blue'")
        browser.run("$('zone-share').value = 0, $('zone-seconds').value = 0")
        browser.run("document.getElementById('save-zone').click()")
        browser.wait("document.querySelectorAll('#shapes polygon:not(.drawn)').length === 1")
        (zone,) = read_zones(path)
        assert zone.name == "crossing"
        corners = [value for corner in zone.polygon for value in corner]
        expected = [0.25, 0.25, 0.75, 0.25, 0.75, 0.75, 0.49, 0.51]
        assert corners == pytest.approx(expected, abs=0.02)
        assert str(zone.rules[0]) == "blue above 0"
        browser.wait("document.getElementById('events').textContent.includes('crossing: blue')")
        browser.wait("document.querySelector('#shapes polygon.active') !== null")
        browser.run("window.confirm = () => true, $('zone-rows').querySelector('button').click()")
        browser.wait("document.querySelectorAll('#shapes polygon').length === 0")
        assert read_zones(path) == ()
        browser.do(browser.tab.open("about:blank"))


def test_a_cut_stream_comes_back_and_a_refusal_is_shown(page: Browser, site: Site) -> None:
    before = page.wait_for_pictures()
    site.server.abort()
    page.wait(f"{COUNTER} > {before + 5}")
    page.wait("document.getElementById('message').textContent === ''")
    page.run("change({ model: 'unicorn' })")
    page.wait("document.getElementById('message').textContent.includes('unicorn')")


def test_the_page_fits_screens_and_every_control_has_a_name(page: Browser) -> None:
    for width, height in ((320, 640), (390, 844), (844, 390), (1366, 768)):
        page.do(page.tab.resize(width, height, phone=width < 1000))
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run(UNNAMED) == 0
    assert page.run("document.getElementById('message').role") == "status"
    assert "%" in page.run("document.getElementById('picture').ariaLabel")


def test_the_token_is_asked_for(browser: Browser, serve: Serve) -> None:
    with serve(token="0123456789abcdef") as site:
        browser.open(site)
        browser.wait("document.querySelector('input[name=token]') !== null")
        browser.run("document.querySelector('input').value = '0123456789abcdef'")
        browser.run("document.querySelector('form').submit()")
        browser.wait_for_pictures()
        assert browser.run("location.pathname + location.search") == "/"
        assert browser.run("document.cookie") == ""
        browser.do(browser.tab.open("about:blank"))


def test_nothing_is_loaded_from_elsewhere() -> None:
    folder = Path(web_site.__file__).parents[2] / "seaformer_edge" / "web" / "page"
    texts = [path.read_text() for path in folder.iterdir()]
    assert len(texts) == 5
    assert not any("//" in line.replace("// ", "") for text in texts for line in text.splitlines())
