"""Plan a sweep, and run what of it has not been run yet."""

from __future__ import annotations

from concurrent.futures import CancelledError, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from musan import reads
from musan.collection import outputs, source
from musan.collection.single import last_line
from musan.collection.sweep import base, grid, prefix
from musan.collection.sweep.case import Case, Result, Settings
from musan.collection.sweep.prefix import Prefix
from musan.collection.sweep.results import Kept, Table
from musan.collection.sweep.runner import Runner, do_elsewhere
from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from musan.collection.sweep.grid import Grid

    Wanted = tuple[Grid, tuple[str, str] | None]

_SHORT = 16  # digits of a key in a file's name


@dataclass(frozen=True)
class Sweep:
    """What is to be run, and what is to be written.

    Parameters
    ----------
    tables : tuple of Table
        The files.
    cases : tuple of Case
        The runs behind them, each once and those of a notebook together.
    folder : Path
        Where the files go.
    """

    tables: tuple[Table, ...]
    cases: tuple[Case, ...]
    folder: Path

    def kept(self) -> dict[str, Kept]:
        """Return what earlier sweeps have left, by notebook."""
        bases = {case.name: case.base for case in self.cases}
        return {name: Kept(self.folder / "kept" / f"{name}.jsonl", digest) for name, digest in bases.items()}

    def executed(self, case: Case) -> Path:
        """Return where a run's notebook goes when it is asked for."""
        return self.folder / "notebooks" / case.name / f"{case.key[:_SHORT]}.ipynb"

    def partial(self, case: Case) -> Path:
        """Return where the notebook of a run that failed goes."""
        return self.folder / "failed" / case.name / f"{case.key[:_SHORT]}.ipynb"

    def known(self, case: Case, kept: Kept) -> Result | None:
        """Return what an earlier sweep has found for a run, if that is all that is asked for now."""
        found = kept.get(case.key)
        lacking = found and case.settings.notebooks and not found.refusal and not self.executed(case).is_file()
        return None if lacking else found


@dataclass(frozen=True)
class Ended:
    """A run has ended, now or in an earlier sweep."""

    case: Case
    result: Result
    earlier: bool


@dataclass(frozen=True)
class Outcome:
    """How a sweep ended: the files that it has written, none when a run failed, and what went wrong in each run."""

    written: tuple[Path, ...]
    failures: tuple[str, ...]


def plan(wanted: Sequence[Wanted], folder: Path, output: Path, settings: Settings, *, share: bool = True) -> Sweep:
    """Return the runs behind some tables, or refuse them all.

    Parameters
    ----------
    wanted : sequence of pairs
        A grid, and the claim and aspect whose verdict is wanted; None for all findings of its notebook.
    folder, output : Path
        The folder of source notebooks and the output folder.
    settings : Settings
        How the runs are done.
    share : bool
        Whether cells that no swept parameter reaches run only once.

    Returns
    -------
    Sweep
        Runs that several tables have in common are there once.

    Raises
    ------
    ParameterError
        For combinations that a notebook's model refuses.
    """
    settings = replace(settings, folder=folder, output=output)
    grids = [one for one, _ in wanted]
    sets = grid.checked(grids, folder)
    parts = base.held()
    cases: dict[str, dict[str, Case]] = {}
    tables = []
    for (one, verdict), rows in zip(wanted, sets, strict=True):
        path = folder / f"{one.notebook}.ipynb"
        digest = base.of_notebook(path, parts)
        same = [number for number, other in enumerate(grids) if other.notebook == one.notebook]
        given, swept = _varied([grids[number] for number in same], [row for number in same for row in sets[number]])
        first = prefix.find(source.read(path), swept, set(one.model.model_fields) - set(swept))
        if not share:
            first = Prefix(0, "", "every cell runs in every run")
        known = cases.setdefault(one.notebook, {})
        found = []
        for values in rows:
            key = reads.digest([digest, values, settings.figures])
            found.append(known.setdefault(key, Case(one.notebook, values, given, swept, first, digest, key, settings)))
        tables.append(Table(_file(output / "sweeps", one, verdict), one, tuple(found), verdict))
    runs = (case for known in cases.values() for case in known.values())
    return Sweep(tuple(tables), tuple(runs), output / "sweeps")


def _varied(grids: Sequence[Grid], sets: Sequence[Mapping[str, object]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parameters that some grids of a notebook set, and those of them that differ between its runs."""
    named = {name for one in grids for name in one.choices}
    given = tuple(name for name in grids[0].model.model_fields if name in named)
    return given, tuple(name for name in given if any(values[name] != sets[0][name] for values in sets))


def _file(folder: Path, one: Grid, verdict: tuple[str, str] | None) -> Path:
    if verdict is None:
        return folder / f"{one.notebook}.csv"
    from musan import multiverses  # with all of pandas

    return multiverses.file_of(folder, verdict[0], verdict[1])  # type: ignore[arg-type]  # the ledger has checked it


def run(
    sweep: Sweep,
    executor: Executor | None = None,
    jobs: int = 2,
    on_end: Callable[[Ended], None] | None = None,
) -> Outcome:
    """Do the runs of a sweep that no earlier one has done, keep each result, and write the tables.

    Parameters
    ----------
    sweep : Sweep
        As :func:`plan` gives it.
    executor : concurrent.futures.Executor, optional
        Where to do the runs; ``jobs`` at a time on this machine by default.
    jobs : int
        How many at a time without an executor.
    on_end : callable, optional
        Told of each run that has ended, in the caller's thread.

    Returns
    -------
    Outcome
        A run that failed does not stop the others, but no table is written then.

    Raises
    ------
    CollectionError
        Something that runs depend on was changed while they ran.
    """
    kept = sweep.kept()
    results: dict[str, Result] = {}
    for ended in _ended(sweep, kept, executor, jobs):
        results[ended.case.key] = ended.result
        if on_end:
            on_end(ended)
    failures = [_line(sweep, case, results[case.key].failure) for case in sweep.cases if results[case.key].failure]
    if not failures:
        by_key = {case.key: case for case in sweep.cases}
        missing = {key: said for table in sweep.tables for key, said in table.missing(results).items()}
        failures = [_line(sweep, by_key[key], said) for key, said in missing.items()]
    if failures:
        return Outcome((), tuple(failures))
    for table in sweep.tables:
        table.write(results)
    return Outcome(tuple(table.path for table in sweep.tables), ())


def _ended(sweep: Sweep, kept: Mapping[str, Kept], executor: Executor | None, jobs: int) -> Iterator[Ended]:
    """Yield the runs as they end, those of earlier sweeps first."""
    due = []
    for case in sweep.cases:
        known = sweep.known(case, kept[case.name])
        if known is None:
            due.append(case)
        else:
            yield Ended(case, known, earlier=True)
    if not due:
        return
    stamps = {case.name: base.stamp(case.source) for case in due}
    with _starter(executor, jobs, due) as start:
        futures = {start(case): case for case in due}
        for future in as_completed(futures):
            case = futures[future]
            found = _result(future)
            if base.stamp(case.source) != stamps[case.name]:
                what = "was changed while the runs went on: the notebook, a table or the library"
                raise CollectionError(what, case.name, "sweep again; results from before the change are kept")
            _keep(sweep, kept[case.name], case, found)
            yield Ended(case, replace(found, notebook=""), earlier=False)


@contextmanager
def _starter(executor: Executor | None, jobs: int, due: Sequence[Case]) -> Iterator[Callable[[Case], Future[Result]]]:
    """Yield what starts a run; what has not ended when we are interrupted is ended."""
    if executor is not None:
        started: list[Future[Result]] = []

        def start(case: Case) -> Future[Result]:
            started.append(executor.submit(do_elsewhere, case))
            return started[-1]

        try:
            yield start
        finally:
            for future in started:
                future.cancel()
        return
    with Runner(min(jobs, len(due)), list(dict.fromkeys(case.source for case in due))) as runner:
        yield runner.start


def _result(future: Future[Result]) -> Result:
    """Return what a run found; when its process could not be reached or died, that is a failure."""
    error = CancelledError() if future.cancelled() else future.exception()
    return future.result() if error is None else Result(failure=last_line(error))


def _keep(sweep: Sweep, kept: Kept, case: Case, found: Result) -> None:
    """Keep what a run found, its notebook first."""
    if found.failure:
        if found.notebook:
            outputs.write_text(sweep.partial(case), found.notebook)
        return
    if found.notebook and not found.refusal:
        outputs.write_text(sweep.executed(case), found.notebook)
    kept.add(case.key, found)
    sweep.partial(case).unlink(missing_ok=True)


def _line(sweep: Sweep, case: Case, what: str) -> str:
    """Say which run failed, why, and where to look."""
    which = ", ".join(f"{name}={value!r}" for name, value in case.injected.items())
    partial = sweep.partial(case)
    return f"{case.name} with {which}: {what}" + (f"; partial notebook in {partial}" if partial.is_file() else "")
