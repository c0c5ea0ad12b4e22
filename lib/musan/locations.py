"""Where the tables, the notebooks and the page template are, in a checkout and in a wheel."""

from __future__ import annotations

import os
from pathlib import Path

from musan.errors import MusanError

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[1]


def _find(name: str, variable: str) -> Path:
    """Return the folder named by ``variable``, else the wheel's copy, else the checkout's."""
    if chosen := os.environ.get(variable):
        folder = Path(chosen).expanduser().resolve()
        if not folder.is_dir():
            raise MusanError(
                f"{variable} names a folder that does not exist",
                str(folder),
                f"correct {variable}, or unset it to use the committed {name}",
            )
        return folder
    for folder in (PACKAGE / name, CHECKOUT / name):
        if folder.is_dir():
            return folder
    raise MusanError(
        f"the folder {name!r} was installed neither with the package nor beside it",
        str(PACKAGE),
        f"install musan again, or set {variable} to the folder",
    )


def data_folder() -> Path:
    """Return the folder of tables (``MUSAN_DATA`` overrides it)."""
    return _find("data", "MUSAN_DATA")


def notebooks_folder() -> Path:
    """Return the folder of source notebooks (``MUSAN_NOTEBOOKS`` overrides it)."""
    return _find("notebooks", "MUSAN_NOTEBOOKS")


def output_folder() -> Path:
    """Return the folder that runs write to: ``MUSAN_OUTPUT``, else ``output`` of a checkout or here."""
    if chosen := os.environ.get("MUSAN_OUTPUT"):
        return Path(chosen).expanduser().resolve()
    in_checkout = (CHECKOUT / "pyproject.toml").is_file() and (CHECKOUT / "notebooks").is_dir()
    return (CHECKOUT if in_checkout else Path.cwd()) / "output"


def templates_folder() -> Path:
    """Return the folder that holds the nbconvert template ``musan``."""
    return PACKAGE / "collection" / "templates"
