"""A hook of mkdocs: pages that are no file of docs/, and links between all of them.

Documents elsewhere in the repository become pages as they are. The API and the examples are
generated. A link to a file that is no page leads to the repository, or is plain text where its
address is not known (the variable REPOSITORY_URL).
"""

from __future__ import annotations

import ast
import logging
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import seaformer_edge  # noqa: E402
from seaformer_edge.inference.modes import Mode  # noqa: E402

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "SECURITY.md": "security.md",
    "models/README.md": "models.md",
}
"""Documents outside docs/, and their pages."""

LIVE = (
    "seaformer_edge.live.pipeline.LivePipeline",
    "seaformer_edge.live.result.LiveResult",
    "seaformer_edge.hub.zoo.resolve_model",
)
"""What the examples use beside the public names."""

log = logging.getLogger("mkdocs.hooks.site_pages")

LINK = re.compile(
    r"""(?P<before>\]\(|(?:src|href)=")(?P<target>[^)\s"#:]+)(?P<after>\#[^)"]*)?(?=[)"])"""
)
MARKER = re.compile(r"<!-- (?:begin: .+?|end) -->\n?")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are no file of docs/."""
    for document, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / document).read_text()))
    files.append(File.generated(config, "api.md", content=_api()))
    files.append(File.generated(config, "examples.md", content=_examples()))
    return files


def on_page_markdown(text: str, page: Page, config: Any, files: Files) -> str:
    """Makes links lead from page to page, and removes the markers of generated figures.

    Markdown would end a paragraph at a marker.
    """
    at = {uri: document for document, uri in PAGES.items()}
    document = at.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(document), link["target"]))
        uri = PAGES.get(target, target.removeprefix("docs/"))
        if files.get_file_from_path(uri) is None:
            return _outside(link, target, config["repo_url"])
        path = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"{link['before']}{path}{link['after'] or ''}"

    return LINK.sub(moved, MARKER.sub("", text).replace("<!-- keys -->", _keys()))


def _outside(link: re.Match[str], target: str, repository: str | None) -> str:
    if not (ROOT / target).exists():
        log.warning("a link leads to %s, which does not exist", target)  # ends a strict build
    if not repository:
        return f"{link['before']}#"
    return f"{link['before']}{repository.rstrip('/')}/blob/main/{target}"


def _keys() -> str:
    """The window's keys as a table: the rows of `Window._actions`, read without importing Qt."""
    source = (ROOT / "gui" / "seaformer_edge_gui" / "window.py").read_text()
    (function,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == "_actions"
    )
    rows = [((mode.key,), f"View: {mode.label.lower()}") for mode in Mode]
    for row in ast.walk(function):
        if (
            isinstance(row, ast.Tuple)
            and len(row.elts) == 3
            and isinstance(row.elts[1], ast.Constant)
        ):
            rows.append((ast.literal_eval(row.elts[0]), ast.literal_eval(row.elts[1])))
    keys = (" ".join(f"`{key}`" for key in names) for names, _ in rows)
    return "| key | what it does |\n|---|---|\n" + "\n".join(
        f"| {names} | {text} |" for names, (_, text) in zip(keys, rows, strict=True)
    )


def _api() -> str:
    public = [name for name in seaformer_edge.__all__ if not name.startswith("_")]
    errors = [name for name in public if name.endswith("Error")]
    parts = [
        "# Python API",
        "Pictures are NumPy arrays, (height, width, 3) uint8, RGB. The public names stay; modules"
        " below may move between versions. [Examples](examples.md) show them in use.",
        "## Public names",
        *(f"::: seaformer_edge.{name}" for name in public if name not in errors),
        "## Errors",
        *(f"::: seaformer_edge.{name}" for name in errors),
        "## Live runs",
        *(f"::: {name}" for name in LIVE),
    ]
    return "\n\n".join(parts) + "\n"


def _examples() -> str:
    parts = ["# Examples", "Short scripts in `examples/`; the tests run each of them."]
    for path in sorted((ROOT / "examples").glob("*.py")):
        title = path.stem.replace("_", " ").capitalize()
        parts += [f"## {title}", f'```python title="{path.name}"\n{path.read_text()}```']
    return "\n\n".join(parts) + "\n"
