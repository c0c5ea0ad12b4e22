"""Commands run and measured, some of them watched for the memory of all their processes."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LAST_LINES = 15
MB = 1e6


class CommandError(RuntimeError):
    """A command of the benchmark failed."""


def run(command: Sequence[str], variables: Mapping[str, str], *, watch: Watch | None = None, given: str = "") -> str:
    """Run a command to its end and return what it printed.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    variables : mapping of str to str
        Its whole environment.
    watch : Watch, optional
        What looks at its processes while it runs.
    given : str
        What it reads.
    """
    with (
        subprocess.Popen(
            command,
            env=dict(variables),
            cwd="/",
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
        watch.looking_at(process.pid) if watch else nullcontext(),
    ):
        printed, _ = process.communicate(given)
    if process.returncode:
        last = "\n".join(printed.splitlines()[-LAST_LINES:])
        raise CommandError(f"{' '.join(command)[:300]}\nended with exit code {process.returncode}:\n{last}")
    return str(printed)


def in_turn(calls: Iterable[Callable[[], object]], at_a_time: int = 1) -> None:
    """Make calls in order, some at a time.

    Parameters
    ----------
    calls : iterable of callable
        Without arguments.
    at_a_time : int
        How many.
    """
    with ThreadPoolExecutor(at_a_time) as threads:
        for future in [threads.submit(call) for call in calls]:
            future.result()


def timed(call: Callable[[], Mapping[str, Any] | None]) -> dict[str, Any]:
    """Make a call; return its wall time, the processor time of the processes it has started, and what it returns.

    Parameters
    ----------
    call : callable
        It may return more to note.
    """
    load = os.getloadavg()[0]
    before, started = _processor_seconds(), time.perf_counter()
    more = call()
    seconds, used = time.perf_counter() - started, _processor_seconds() - before
    return {"seconds": round(seconds, 3), "processor_seconds": round(used, 2), "load_before": load, **(more or {})}


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass
class _Process:
    """One process: how far below the command, when it was seen, and its memory in MB."""

    depth: int
    first: float
    last: float = 0.0
    most: float = 0.0
    parent: int = 0
    seen: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Watch:
    """Looks at a command and all its descendants again and again.

    Parameters
    ----------
    every : float
        Seconds between two looks.
    """

    every: float = 0.2
    _processes: dict[int, _Process] = field(default_factory=dict)

    @contextmanager
    def looking_at(self, root: int) -> Iterator[None]:
        """Look inside the block.

        Parameters
        ----------
        root : int
            The command's process id.
        """
        over = threading.Event()
        thread = threading.Thread(target=self._look, args=(root, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look(self, root: int, over: threading.Event) -> None:
        started = time.perf_counter()
        top = psutil.Process(root)
        while not over.wait(self.every):
            now = time.perf_counter() - started
            with suppress(psutil.Error):
                depths = {root: 0}
                for process in [top, *top.children(recursive=True)]:
                    with suppress(psutil.Error, OSError, KeyError):
                        self._note(process, depths, now)

    def _note(self, process: psutil.Process, depths: dict[int, int], now: float) -> None:
        parent = process.ppid()
        depth = depths.setdefault(process.pid, depths.get(parent, 0) + 1)
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        memory = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        one = self._processes.setdefault(process.pid, _Process(depth, now, parent=parent))
        one.last, one.most = now, max(one.most, int(memory["VmHWM"]) * 1024 / MB)
        one.seen.append((now, int(memory["VmRSS"]) * 1024 / MB))

    def found(self) -> dict[str, Any]:
        """Return the memory of each kind of process in MB: those that last at three times, runs by their most."""
        parents = {one.parent for one in self._processes.values()}
        lasting: dict[str, list[_Process]] = {"command": [], "preloaded": [], "first cells": []}
        runs: list[_Process] = []
        for number, one in self._processes.items():
            if one.depth < 2:  # the command, and what it starts
                lasting["preloaded" if one.depth else "command"].append(one)
            elif number in parents and one.depth == 2:
                lasting["first cells"].append(one)
            else:
                runs.append(one)
        found: dict[str, Any] = {
            f"{kind} {when}": round(sum(_at(one, share) for one in ones), 1)
            for kind, ones in lasting.items()
            if ones
            for when, share in (("early", 0.2), ("half-way", 0.5), ("late", 0.95))
        }
        if runs:
            runs.sort(key=lambda one: one.first)
            half = max(len(runs) // 2, 1)
            found |= {
                "runs seen": len(runs),
                "run, most": round(max(one.most for one in runs), 1),
                "run, most of the first half": round(max(one.most for one in runs[:half]), 1),
                "run, most of the second half": round(max(one.most for one in runs[-half:]), 1),
            }
        return found


def _at(one: _Process, share: float) -> float:
    return one.seen[min(int(share * len(one.seen)), len(one.seen) - 1)][1]
