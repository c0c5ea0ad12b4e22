"""Which runs are due: a run that nothing has changed for is not done again.

What a run depends on comes in two halves. Its *givens* are known beforehand: the notebook, the parameters,
the library, the packages, Python, the ledger. What it *reads*, tables and the findings of other notebooks,
only the run knows (:mod:`musan.reads`); but with the same givens it would read the same again. Both are kept
beside the executed notebooks, in ``keys/NAME.json``, part by part, so that a change can be named.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musan import reads
from musan.collection import outputs, source
from musan.collection.run import RunOutcome
from musan.errors import CollectionError
from musan.locations import PACKAGE, data_folder
from musan.refresh import vintages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from musan.collection.run import RunRequest

FORMAT = 2  # of the files in keys/; one of another format counts as none
VERDICT = ("claim", "aspect", "verdict")  # the fields of a finding that say it in short
LISTED = 3  # changes of a kind that are named before they are counted
FINDING = "application/vnd.musan.finding+json"  # as musan.claims has it, which takes a second to import
# Where findings are: the parameter that names another folder, and the usual one in the output folder.
READS_FROM = {"executed_notebooks": "notebooks", "sweeps": "sweeps"}
# Files and folders without a part in a run: they decide what is run, or make something of what a run has left.
AROUND_RUNS = (
    "cli.py",
    "command_line.py",
    "compare.py",
    "comparison.html.j2",
    "refresh_command.py",
    "sweep_command.py",
    "terminal.py",
    "collection/sweep/",
    "collection/site/",
    "collection/templates/",
    *(f"collection/{name}.py" for name in ("export", "keys", "lock", "publish", "record", "strip", "verdicts")),
    *(f"refresh/{name}.py" for name in ("comtrade", "comtrade_bulk", "ecos", "pink_sheet", "progress", "sources")),
)

Givens = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """What is kept of a run that went well.

    Parameters
    ----------
    notebook : str
        Its name.
    key : str
        The hash of its givens, which the executed notebook holds too.
    givens : dict
        What was known beforehand, part by part.
    tables : dict of str to str
        The digest of each table that it asked for.
    findings : dict of str to str
        The digest of each other notebook's findings and of each sweep's, for a notebook that reads them.
    executed : str
        SHA-256 of the executed notebook.
    verdicts : list of dict
        ``claim``, ``aspect`` and ``verdict`` of each finding.
    seconds, started : float
        Wall time, and when in seconds of the Unix epoch.
    engine : str
        What ran it.
    settled : bool
        Whether nothing that it depends on changed between the reading of its givens and its end.
    format : int
        :data:`FORMAT`.
    """

    notebook: str
    key: str
    givens: Givens
    tables: dict[str, str]
    findings: dict[str, str]
    executed: str
    verdicts: list[dict[str, str]]
    seconds: float
    started: float
    engine: str
    settled: bool
    format: int = FORMAT


def path_of(output: Path, name: str) -> Path:
    """Return the file that keeps what a run depended on.

    Parameters
    ----------
    output : Path
        The output folder.
    name : str
        The notebook's name.
    """
    return output / "keys" / f"{name}.json"


def kept(output: Path, name: str) -> Kept | None:
    """Return what is kept of a notebook's last run; None when that is nothing that can be used.

    Parameters
    ----------
    output : Path
        The output folder.
    name : str
        The notebook's name.
    """
    try:
        found = Kept(**json.loads(path_of(output, name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # missing, damaged, or of another format: the notebook runs again
        return None
    return found if found.format == FORMAT else None


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file; empty when it can't be read.

    Parameters
    ----------
    path : Path
        The file.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def package_files() -> dict[str, Path]:
    """Return the files of the library by name, without the tables and notebooks that a wheel adds."""
    named = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*"))}
    return {
        name: path
        for name, path in named.items()
        if not name.startswith(("data/", "notebooks/")) and "__pycache__" not in name and path.is_file()
    }


def _library_files() -> dict[str, Path]:
    """Return the files of the library that a run may depend on."""
    return {name: path for name, path in package_files().items() if not name.startswith(AROUND_RUNS)}


def packages() -> dict[str, str]:
    """Return the version of each installed package.

    Read from the names of the folders that installers leave, in a hundredth of the time that
    ``importlib.metadata`` takes. All count: some libraries use others only when they are there.
    """
    folders = [Path(entry) for entry in reversed(sys.path) if entry and Path(entry).is_dir()]
    records = [record.stem for folder in folders for record in folder.glob("*.dist-info")]
    return dict(sorted((name, version) for name, _, version in (record.rpartition("-") for record in records)))


@lru_cache(maxsize=8)
def _descriptor(path: Path, modified: int) -> dict[str, Any]:
    del modified  # part of the cache key only
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _catalogue(folder: Path) -> dict[str, Any]:
    """Return the catalogue of tables; empty when there is none that can be read, as a run then says."""
    path = folder / "datapackage.json"
    try:
        return _descriptor(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


def common() -> Givens:
    """Return the givens that all runs share."""
    about = {key: value for key, value in _catalogue(data_folder()).items() if key != "resources"}
    return {
        "library": {name: file_hash(path) for name, path in _library_files().items()},
        "packages": packages(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "ledger": file_hash(data_folder() / "claims.yml"),
        "catalogue": reads.digest(about),
    }


def _givens(request: RunRequest, shared: Givens) -> Givens:
    notebook = source.read(request.source)
    written = [[cell["cell_type"], "".join(cell["source"]), cell.get("metadata", {})] for cell in notebook["cells"]]
    own = reads.digest([written, notebook.get("metadata", {})])
    chosen = vintages.named(str(request.parameters.get("vintage", "")))
    packages_of = {vintage.full_name: file_hash(vintage.folder / vintages.DESCRIPTOR) for vintage in chosen}
    return {"notebook": own, "parameters": dict(request.parameters), "vintages": packages_of, **shared}


def table_digest(table: str) -> str:
    """Return the digest of a table as :mod:`musan.reads` notes it; empty when the table is not as recorded.

    Parameters
    ----------
    table : str
        A name, with a vintage or folder before it when that is not the usual one.
    """
    folder = vintages.noted_folder(table) if "/" in table else data_folder()
    for entry in _catalogue(folder).get("resources", []):
        if entry["name"] == table.rpartition("/")[2]:
            return reads.digest(entry) if _as_recorded(folder, entry) else ""
    return ""


def _as_recorded(folder: Path, entry: Mapping[str, Any]) -> bool:
    """Return whether the files of a table are those that the catalogue tells of; large ones by their size only."""
    if "parts" in entry:
        paths = [(folder / part["path"], part["bytes"]) for part in entry["parts"]]
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)
    recorded: str = entry["hash"]
    return f"sha256:{file_hash(folder / entry['path'])}" == recorded


def _findings_of(executed: Path) -> str:
    """Return the digest of the findings of an executed notebook; empty when it can't be read."""
    try:
        return reads.digest(list(outputs.shown(source.read(executed), FINDING)))
    except CollectionError:
        return ""


def _findings_for(request: RunRequest) -> dict[str, str]:
    """Return the digests of the other notebooks' findings and of the sweeps that a notebook would read now."""
    if not source.reads_findings(source.read(request.source)):
        return {}
    notebooks, sweeps = (_folder_of(request, parameter) for parameter in READS_FROM)
    found = {path.stem: _findings_of(path) for path in sorted(notebooks.glob("*.ipynb")) if path.stem != request.name}
    return found | {path.name: file_hash(path) for path in sorted(sweeps.glob("*.*.csv"))}


def _folder_of(request: RunRequest, parameter: str) -> Path:
    given = str(request.parameters.get(parameter, ""))
    return Path(given).expanduser() if given else request.output / READS_FROM[parameter]


def stamp(paths: Iterable[Path]) -> list[tuple[int, ...]]:
    """Return what tells that a file was written to, even when it was then put back as it had been.

    Parameters
    ----------
    paths : iterable of Path
        Files; those that are not there are left out.
    """
    stats = [path.stat() for path in paths if path.is_file()]
    return [(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats]


def _shared_stamp() -> list[tuple[int, ...]]:
    data = (data_folder() / name for name in ("claims.yml", "datapackage.json"))
    return stamp((*data, *_library_files().values()))


class Memory:
    """What is known of earlier runs, and of the runs of this batch as they end.

    Parameters
    ----------
    output : Path
        The output folder.
    requests : sequence of RunRequest
        The runs of the batch; their givens are read now.
    force : bool
        Whether all runs are due.

    Attributes
    ----------
    requests : list of RunRequest
        The same, each with its key.
    shared : dict
        The givens that all runs share.
    why : dict of str to list of str
        Why each run was due, once that has been asked; empty for a run that was not.
    """

    def __init__(self, output: Path, requests: Sequence[RunRequest], *, force: bool = False) -> None:
        self._output, self._force = output, force
        around = _shared_stamp()  # stamps come before what they vouch for
        self._stamps = {request.name: stamp([request.source]) + around for request in requests}
        self.shared = common()
        self._givens = {request.name: _givens(request, self.shared) for request in requests}
        self._findings: dict[str, dict[str, str]] = {}
        self.requests = [replace(each, key=reads.digest(self._givens[each.name])) for each in requests]
        self.why: dict[str, list[str]] = {}

    def seconds(self) -> dict[str, float]:
        """Return how long each notebook of the batch took when it last ran, where that is known."""
        found = {name: kept(self._output, name) for name in self._givens}
        return {name: one.seconds for name, one in found.items() if one}

    def unchanged(self, request: RunRequest) -> RunOutcome | None:
        """Return the outcome that stands for a run which is not due; None for one that is.

        Parameters
        ----------
        request : RunRequest
            One of the batch, asked for right before it would start.
        """
        self.why[request.name] = self.reasons(request)
        if self.why[request.name]:
            return None
        return RunOutcome(request.name, ok=True, seconds=0.0, executed=request.target, unchanged=True)

    def reasons(self, request: RunRequest) -> list[str]:
        """Return why a run is due, in words; empty when it is not.

        Parameters
        ----------
        request : RunRequest
            One of the batch; what it would read of the others' findings now is noted.
        """
        self._findings[request.name] = _findings_for(request)
        if self._force:
            return ["--force"]
        last = kept(self._output, request.name)
        if last is not None:
            return list(self._differences(request, last))
        if request.target.is_file():
            return ["no record of its last run"]
        return ["failed last time" if request.failed.is_file() else "never run"]

    def explained(self) -> dict[str, list[str]]:
        """Return why each run of the batch is due as things are now, without running any.

        A notebook that reads the others' findings may be due once they have run; that is said, too.
        """
        due = {request.name: self.reasons(request) for request in self.requests}
        first = [name for name, why in due.items() if why]
        for request in self.requests:
            if first and not due[request.name] and source.reads_findings(source.read(request.source)):
                due[request.name] = [f"only if findings change: it reads those of {_listed(first)}"]
        return due

    def _differences(self, request: RunRequest, last: Kept) -> Iterator[str]:
        if not last.settled:
            yield "something changed while it ran"
        yield from _changed_givens(last.givens, self._givens[request.name])
        for table, digest in last.tables.items():
            if table_digest(table) != digest:
                yield f"table {table} changed"
        for name, change in _changes(last.findings, self._findings[request.name]):
            yield f"findings of {name} {change}"
        if not request.target.is_file():
            yield "executed notebook gone"
        elif file_hash(request.target) != last.executed:
            yield "executed notebook changed"

    def ended(self, request: RunRequest, outcome: RunOutcome) -> None:
        """Keep what a run depended on, for it to count as unchanged next time.

        Parameters
        ----------
        request : RunRequest
            One of the batch.
        outcome : RunOutcome
            How it ended; nothing is kept of a run that failed.
        """
        path = path_of(self._output, request.name)
        if outcome.unchanged:
            return
        if outcome.executed is None:
            path.unlink(missing_ok=True)
            return
        executed = source.read(outcome.executed)
        noted = [found["tables"] for found in outputs.shown(executed, reads.MIME)]
        one = Kept(
            notebook=request.name,
            key=request.key,
            givens=self._givens[request.name],
            tables={table: digest for tables in noted for table, digest in tables.items()},
            findings=self._findings[request.name],
            executed=file_hash(outcome.executed),
            verdicts=[{part: each[part] for part in VERDICT} for each in outputs.shown(executed, FINDING)],
            seconds=round(outcome.seconds, 3),
            started=outcome.started,
            engine=outcome.engine,
            settled=stamp([request.source]) + _shared_stamp() == self._stamps[request.name],
        )
        outputs.write_text(path, json.dumps(asdict(one), indent=1, ensure_ascii=False) + "\n")


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the names whose value is another one now, each with how: changed, new or gone."""
    how = {(True, True): "changed", (False, True): "new", (True, False): "gone"}
    names = sorted(name for name in {**before, **now} if before.get(name) != now.get(name))
    return [(name, how[name in before, name in now]) for name in names]


def _changed_givens(before: Givens, now: Givens) -> Iterator[str]:
    """Say what is no longer as it was, one phrase a change."""
    if before["notebook"] != now["notebook"]:
        yield "notebook changed"
    for name, _ in _changes(before["parameters"], now["parameters"]):
        yield f"parameter {name}: {_value(before, name)} -> {_value(now, name)}"
    for name, change in _changes(before["vintages"], now["vintages"]):
        if change == "changed":  # one that is new or gone is another parameter
            yield f"vintage {name} changed"
    for how in ("changed", "new", "gone"):
        files = [f"musan/{name}" for name, change in _changes(before["library"], now["library"]) if change == how]
        if files:
            yield f"library {how}: {_listed(files)}"
    old, new = before["packages"], now["packages"]
    moved = [f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}" for name, _ in _changes(old, new)]
    if moved:
        yield f"package{'s' if len(moved) > 1 else ''} {_listed(moved)}"
    if before["python"] != now["python"]:
        yield f"{before['python']} -> {now['python']}"
    if before["ledger"] != now["ledger"]:
        yield "ledger claims.yml changed"
    if before["catalogue"] != now["catalogue"]:
        yield "head of datapackage.json changed"


def _value(givens: Givens, name: str) -> str:
    return repr(givens["parameters"][name]) if name in givens["parameters"] else "none"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
