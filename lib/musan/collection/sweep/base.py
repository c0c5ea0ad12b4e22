"""What the runs of a sweep depend on: everything that a process holds of this project, in parts with names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musan import reads
from musan.collection import keys, source
from musan.locations import data_folder

Parts = dict[str, Any]
_OWN = Path(__file__).parent
_HASH = 64  # digits, which nobody wants to read


def held() -> Parts:
    """Return what this process holds: hashes of the library and the tables, versions of packages, and so on.

    Returns
    -------
    dict
        ``library``, ``tables``, ``packages``, ``sweep`` (this package) by name, and single values.
    """
    tables = [data_folder() / "datapackage.json", *sorted(data_folder().glob("*.csv"))]
    return {
        **keys.common(),
        "tables": {path.name: keys.file_hash(path) for path in tables},
        "sweep": {path.name: keys.file_hash(path) for path in sorted(_OWN.glob("*.py"))},
    }


def differences(ours: Parts, theirs: Parts) -> list[str]:
    """Return what differs, in words.

    Parameters
    ----------
    ours, theirs : dict
        As :func:`held` gives them, here and elsewhere.
    """
    words = []
    for part in sorted({*ours, *theirs}):
        here, there = ours.get(part), theirs.get(part)
        if not isinstance(here, dict) or not isinstance(there, dict):
            here, there = {"": here}, {"": there}
        for name in sorted({*here, *there}):
            if here.get(name) != there.get(name):
                both = [value if isinstance(value, str) else "none" for value in (there.get(name), here.get(name))]
                hashes = any(len(value) == _HASH for value in both)
                words.append(f"{part} {name}".strip() + ("" if hashes else f" {both[0]} (here {both[1]})"))
    return words


def of_notebook(path: Path, parts: Parts) -> str:
    """Return a hash of all that any run of a notebook depends on, but for its parameters.

    Parameters
    ----------
    path : Path
        The source notebook.
    parts : dict
        As :func:`held` gives it.
    """
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in source.read(path)["cells"]]
    return reads.digest([cells, parts])


def stamp(path: Path) -> list[tuple[int, ...]]:
    """Return what tells at once that something a notebook depends on has been written to.

    Parameters
    ----------
    path : Path
        The source notebook.
    """
    return keys.stamp((path, *keys.package_files().values(), *data_folder().iterdir()))
