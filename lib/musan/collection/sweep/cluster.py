"""The runs of a sweep on the workers of a Dask cluster, which must hold what this process holds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from musan.collection.sweep import base
from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from distributed import Client

_ANSWER = 30  # seconds that the scheduler, and then the first worker, have to answer
_NAMED = 3  # differences of a worker that are named before they are counted


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """Yield an executor for a cluster whose workers are all as this process is.

    A worker that is lost loses no run: Dask gives its runs to others. One that joins later and differs fails
    its runs (:func:`musan.collection.sweep.runner.do_elsewhere`).

    Parameters
    ----------
    address : str
        The scheduler's, such as ``tcp://host:8786``.

    Raises
    ------
    CollectionError
        Dask is not installed, the cluster does not answer, or a worker holds something else.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise CollectionError("Dask is not installed", "--scheduler", "pip install 'musan[cluster]'") from error
    try:
        client = Client(address, timeout=_ANSWER)
        client.wait_for_workers(1, timeout=_ANSWER)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise CollectionError(
            f"no cluster answers ({error})", address, "start a scheduler and workers there"
        ) from error
    with client:
        _refuse_others(client)
        yield client.get_executor(pure=False)


def _refuse_others(client: Client) -> None:
    """Refuse a cluster with workers that hold another library, other tables or other packages."""
    ours = base.held()
    problems = []
    for worker, theirs in client.run(base.held, on_error="return").items():
        if isinstance(theirs, BaseException):
            problems.append(f"{worker} can't say what it holds ({type(theirs).__name__}: {theirs})")
        elif words := base.differences(ours, theirs):
            more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
            problems.append(f"{worker} differs in {', '.join(words[:_NAMED])}{more}")
    if problems:
        remedy = "install the same release and the same lock file on all hosts"
        raise CollectionError("; ".join(problems), "workers", remedy)
