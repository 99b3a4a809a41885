"""The site of the documents is built without a warning, and has what its hook generates."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import seaformer_edge
from seaformer_edge.inference.modes import Mode

pytest.importorskip("mkdocs", reason="the site needs mkdocs (extra: docs)")
pytest.importorskip("mkdocstrings", reason="the site needs mkdocstrings (extra: docs)")

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://example.org/seaformer-edge"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"REPOSITORY_URL": REPOSITORY, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder


def page(site, name):
    return (site / name / "index.html").read_text()


def test_the_api_has_every_public_name(site):
    text = page(site, "api")
    for name in seaformer_edge.__all__:
        assert name.startswith("_") or f'id="seaformer_edge.{name}"' in text, name


def test_the_window_has_its_keys(site):
    rows = re.findall(r"<tr>\s*<td>(.*?)</td>\s*<td>(.*?)</td>", page(site, "window"))
    keys = {text: re.findall("<code>(.*?)</code>", names) for names, text in rows}
    assert keys["Start or stop recording"] == ["R"]
    assert keys["Keyboard shortcuts"] == ["H", "F1", "?"]
    assert all([mode.key] in keys.values() for mode in Mode)


def test_links_lead_to_pages_or_to_the_repository(site):
    links = re.findall('href="([^"]*)"', page(site, "."))
    assert "boards/#how-fast-estimated" in links
    assert "models/" in links
    assert f"{REPOSITORY}/blob/main/seaformer_edge/data/sample/CREDITS.md" in links
    assert not [link for link in links if link.endswith(".md") and "://" not in link]


def test_nothing_is_loaded_from_elsewhere(site):
    for path in site.rglob("*.html"):
        tags = re.findall("<(?:script|img|link)[^>]*>", path.read_text())
        assert not [tag for tag in tags if re.search('(src|href)="https?:', tag)], path
