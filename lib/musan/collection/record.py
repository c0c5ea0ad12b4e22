"""The record of a batch: ``run.json`` for whoever wants to know, ``run.xml`` (JUnit) for a CI server."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from musan import __version__
from musan.collection import keys, outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from musan.collection.keys import Memory
    from musan.collection.run import RunEvent, RunOutcome, RunRequest

# What XML 1.0 has no way to write, such as the escape that begins a colour.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Batch:
    """The runs that a reader has asked for at once, and how far they are.

    Parameters
    ----------
    output : Path
        The output folder.
    memory : Memory
        The requests, and why each was due.
    engine, reason : str
        What runs them, and why it is not what was asked for.
    jobs : int
        How many at a time.
    started : float
        When, in seconds of the Unix epoch.
    outcomes : dict of str to RunOutcome
        How the runs that have ended did so, by notebook.
    """

    output: Path
    memory: Memory
    engine: str
    reason: str
    jobs: int
    started: float
    outcomes: dict[str, RunOutcome] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)

    def listen(self, event: RunEvent) -> None:
        """Take note of an event, and keep what a run that has ended depended on.

        Parameters
        ----------
        event : RunEvent
            As :func:`musan.collection.run.run` tells it.
        """
        if event.kind == "started":
            self._running.add(event.name)
        if event.outcome is not None:
            self.outcomes[event.name] = event.outcome
            self.memory.ended(self._request(event.name), event.outcome)

    def _request(self, name: str) -> RunRequest:
        return next(request for request in self.memory.requests if request.name == name)

    def failed(self) -> list[str]:
        """Return the names of the runs that failed, in the order of the requests."""
        return [request.name for request in self.memory.requests if self._state(request.name) == "failed"]

    def write(self, now: float) -> list[Path]:
        """Write the record, whole, of a batch that has ended or was interrupted.

        Parameters
        ----------
        now : float
            When it ended, in seconds of the Unix epoch.

        Returns
        -------
        list of Path
            The two files.
        """
        runs = [self._run(request) for request in self.memory.requests]
        content = {
            "version": __version__,
            "started": _moment(self.started),
            "seconds": round(now - self.started, 3),
            "engine": self.engine,
            "reason": self.reason,
            "jobs": self.jobs,
            "outcomes": Counter(run["outcome"] for run in runs),
            "runs": runs,
            "shared": self.memory.shared,
        }
        paths = [self.output / "run.json", self.output / "run.xml"]
        outputs.write_text(paths[0], json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        outputs.write_bytes(paths[1], junit(content))
        return paths

    def _state(self, name: str) -> str:
        outcome = self.outcomes.get(name)
        if outcome is None:
            return "interrupted" if name in self._running else "not run"
        if outcome.unchanged:
            return "unchanged"
        return "done" if outcome.ok else "failed"

    def _run(self, request: RunRequest) -> dict[str, Any]:
        """Return the record of one run; an unchanged one has the time and engine of the run that made it."""
        state, outcome = self._state(request.name), self.outcomes.get(request.name)
        found: dict[str, Any] = {
            "notebook": request.name,
            "parameters": dict(request.parameters),
            "key": request.key,
            "outcome": state,
            "why": self.memory.why.get(request.name, []),
        }
        if outcome is not None and not outcome.unchanged:
            found |= {"engine": outcome.engine, "started": _moment(outcome.started), "cells": outcome.cells}
            found["seconds"] = round(outcome.seconds, 3)
        if state == "failed" and outcome is not None:
            copy = outcome.failed_copy
            return found | {
                "cell": outcome.cell,
                "error": outcome.error,
                "partial": copy.relative_to(self.output).as_posix() if copy else None,
            }
        last = keys.kept(self.output, request.name) if outcome is not None else None
        if last is None:
            return found
        return found | {
            "engine": last.engine,
            "started": _moment(last.started),
            "seconds": last.seconds,
            "executed": request.target.relative_to(self.output).as_posix(),
            "sha256": last.executed,
            "tables": last.tables,
            "findings": last.findings,
            "verdicts": last.verdicts,
        }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def junit(batch: Mapping[str, Any]) -> bytes:
    """Return the record of a batch in the form that CI servers read.

    Parameters
    ----------
    batch : mapping
        As ``run.json`` has it. A run that was unchanged, interrupted or not begun counts as skipped.

    Returns
    -------
    bytes
        An XML document.
    """
    runs: Sequence[Mapping[str, Any]] = batch["runs"]
    failures = sum(run["outcome"] == "failed" for run in runs)
    counts = {
        "tests": str(len(runs)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(sum(run["outcome"] not in ("done", "failed") for run in runs)),
        "time": f"{batch['seconds']:.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "musan", **counts})
    del root.attrib["skipped"]  # which the outermost element must not have
    started = batch["started"].removesuffix("+00:00")  # the form has no place for a time zone
    about = {"name": "notebooks", "timestamp": started, "hostname": platform.node(), **counts}
    suite = ElementTree.SubElement(root, "testsuite", about)
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("version", "engine", "jobs"):
        ElementTree.SubElement(properties, "property", name=name, value=str(batch[name]))
    for run in runs:
        suite.append(_case(run))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(run: Mapping[str, Any]) -> ElementTree.Element:
    ran = run["outcome"] in ("done", "failed")
    seconds = f"{run['seconds'] if ran else 0:.3f}"
    case = ElementTree.Element("testcase", classname="notebooks", name=run["notebook"], time=seconds)
    if run["outcome"] == "failed":
        message = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", run["error"])
        ElementTree.SubElement(case, "failure", message=message, type="failed").text = message
    elif not ran:
        ElementTree.SubElement(case, "skipped", message=run["outcome"])
    return case
