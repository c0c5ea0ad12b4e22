"""musan in a process whose library is loaded before the clock starts; its standard input says what to run."""

from __future__ import annotations

import json
import sys
import time
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path

from musan.collection import startup

startup.lean()

from musan import claims, cli, locations  # noqa: E402
from musan.collection import export, keys, publish, run, workers  # noqa: E402

LOADED = (claims, export)  # what publishing imports


def main() -> None:
    """Load, run, publish, and print how long each took."""
    output, (jobs, *names) = Path(sys.argv[1]), json.load(sys.stdin)
    folder = locations.notebooks_folder()
    times = [time.perf_counter()]
    ready = workers.Workers(jobs, sorted(folder.glob("*.ipynb")))
    server = ready._fork_server()
    assert server is not None, "it can't be forked"
    run.Workers = lambda *_: ready  # type: ignore[assignment, misc]  # in place of one that has yet to load
    times.append(time.perf_counter())
    memory = keys.Memory(output, run.plan(names, {}, folder, output, engine="fork"), force=True)
    with redirect_stdout(sys.stderr), publish.Early(output) as early:
        failed = cli._run(output, memory, early, "fork", "", jobs)
        times.append(time.perf_counter())
        publish.publish(output, force=True, early=early)
        times.append(time.perf_counter())
        began = time.process_time()
        publish.publish(output, force=True)  # all of it, of which the runs had time for a part
        writing = time.process_time() - began  # of all its threads
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    parts = (after - before for before, after in pairwise(times))
    print(json.dumps({**dict(zip(("loading", "runs", "publishing"), parts, strict=True)), "writing": writing}))


if __name__ == "__main__":
    main()
