"""Old names of renamed things, which work for one more version."""

from __future__ import annotations

import warnings
from collections.abc import Callable


def renamed_names(module: str, **renamed: tuple[str, object]) -> Callable[[str], object]:
    """A module's `__getattr__` for its old names.

    Args:
        module: the module's `__name__`.
        renamed: for each old name the new one and what it refers to.
    """

    def get(name: str) -> object:
        if name not in renamed:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new_name, value = renamed[name]
        warn_renamed(f"{module}.{name}", new_name)
        return value

    return get


def warn_renamed(old: str, new: str) -> None:
    """Warns the caller's caller that it uses an old name."""
    warnings.warn(
        f"{old} is deprecated and will be removed in the next version; use {new}",
        DeprecationWarning,
        stacklevel=3,
    )
