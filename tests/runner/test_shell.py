"""A notebook run in a fork equals, cell by cell, the one that papermill has run in a kernel."""

import os
import re
import sys
from pathlib import Path

import pytest

import halfway
from cells import code, write
from musan.collection.child import Done
from musan.collection.forks import ForkServer
from musan.collection.run import plan, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

# The cells of one notebook, each of which may fail.
CELLS = {
    "stream": "print('a'); print('b', end='')",
    "streams one after the other": "import sys\nprint('out'); print('err', file=sys.stderr); print('out again')",
    "streams as time goes by": """
        import time
        for _ in range(2):
            print('out'); print('err', file=sys.stderr); time.sleep(0.5)
    """,
    "carriage returns": "print('1 %\\r2 %\\r3 %'); print('a\\bb\\x0cc')",
    "not text": "try:\n    sys.stdout.write(b'bytes')\nexcept TypeError as error:\n    print(error)",
    "what a stream is": "sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.writable(), sys.stdout.name",
    "result": "{'a': 1, (1, 2): [3.5, float('nan')]}",
    "nothing": "None",
    "only a comment": "# nothing",
    "last of several": "1; 2\n3",
    "silenced": "3;",
    "results of the past": "In[1], Out[7], _, __, _i, len(In), sorted(Out)",
    "display": "display(1, 'text', {'a': 1}); display({'text/html': '<b>x</b>', 'text/plain': 'x'}, raw=True)",
    "print between displays": "print('a'); display('b'); print('c'); display('d'); print('e')",
    "display with metadata": "display({'text/plain': 'x'}, raw=True, metadata={'text/plain': {'n': 1}})",
    "bytes": "from IPython.display import Image\nImage(b'\\x89PNG\\r\\n\\x1a\\nxx', format='png', width=20)",
    "not a number": "display({'application/json': {'x': float('nan'), 1: (2,)}}, raw=True)",
    "display to be changed": "handle = display('before', display_id='kept'); print('then')",
    "display changed": "handle.update('after'); display('again', display_id='kept'); handle.update('at last')",
    "display by another id": "display('x', display_id='other').display('y')",
    "cleared": "from IPython.display import clear_output\nprint('gone'); display(1); clear_output(); print('stays')",
    "cleared when the next comes": "print('gone'); clear_output(wait=True); display('stays')",
    "cleared and nothing comes": "print('stays'); clear_output(wait=True)",
    "error": "def f(x):\n    return 1 / x\nf(0)",
    "error after output": "print('before'); display('shown'); raise ValueError('several\\nlines')",
    "error from an error": "try:\n    f(0)\nexcept ZeroDivisionError as error:\n    raise KeyError('k') from error",
    "error in a library": "import json\njson.loads('{')",
    "error of syntax": "for = 3",
    "error of indentation": "if True:\nx = 1",
    "error in a representation": "class Bad:\n    def __repr__(self): raise RuntimeError('no repr')\nBad()",
    "errors in a group": "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])",
    "error while shown": "display(Bad())",
    "assertion": "assert 1 == 2, 'they differ'",
    "interrupt": "raise KeyboardInterrupt",
    "interrupt by a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(1)",
    "end": "raise SystemExit(3)",
    "end without a reason": "sys.exit()",
    "input": "input('?')",
    "password": "import getpass\ngetpass.getpass()",
    "help": "len?",
    "source": "f??",
    "magic": "%time 1 + 1;\n%pwd",
    "cell magic": "%%capture captured\nprint('inside'); display(2); 5",
    "captured": "captured.stdout, [str(output) for output in captured.outputs]",
    "history": "%history -n 1-2",
    "extension": "%store?",
    "names": "%who_ls",
    "no such magic": "%nosuch",
    "shell": "!echo out; echo err >&2; exit 3",
    "shell's exit code": "_exit_code",
    "shell's lines": "lines = !printf 'a\\nb'\nlines",
    "script": "%%bash\necho one\necho two >&2",
    "another process": "import subprocess\nsubprocess.run(['echo', 'from outside'])\ntime.sleep(0.3)",
    "past Python": "os.write(1, b'one\\n'); time.sleep(0.3); os.write(2, 'zw\\u00f6lf\\n'.encode()); time.sleep(0.3)",
    "await": "import asyncio\nawait asyncio.sleep(0.01, 'slept')",
    "await that fails": "async def fail(): raise ValueError('later')\nawait fail()",
    "running loop": "asyncio.get_running_loop().is_running()",
    "task": "task = asyncio.ensure_future(asyncio.sleep(0, 'done'))\ntask.done()",
    "task's result": "await task",
    "second loop": "coroutine = asyncio.sleep(0)\ntry:\n    asyncio.run(coroutine)\nfinally:\n    coroutine.close()",
    "warning": "import warnings\nwarnings.warn('careful'); warnings.warn('old', DeprecationWarning)",
    "warning once": "for _ in range(3):\n    warnings.warn('thrice')",
    "log": "import logging\nlogging.warning('logged'); logging.getLogger('x').info('not')",
    "thread": "import threading\nt = threading.Thread(target=print, args=['from a thread']); t.start(); t.join()",
    "error in a thread": "t = threading.Thread(target=f, args=[0], name='T'); t.start(); t.join()",
    "process": """
        import multiprocessing
        p = multiprocessing.get_context('fork').Process(target=print, args=['from a process']); p.start(); p.join()
        time.sleep(0.3); p.exitcode
    """,
    "redirected": """
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()) as text: print('x')
        text.getvalue()
    """,
    "main": "import __main__\n__name__, __main__.f is f, sys.modules['__main__'] is __main__",
    "namespace": "get_ipython().user_ns is globals(), sorted(name for name in globals() if name.startswith('__'))",
    "picklable": "import pickle\npickle.loads(pickle.dumps(f))(2)",
    "shell object": "type(get_ipython()).__name__, hasattr(get_ipython(), 'kernel'), get_ipython().execution_count",
    "kernel program": "from ipykernel.kernelapp import IPKernelApp\nIPKernelApp.initialized()",
    "working folder": "os.getcwd(), sys.path[0], os.path.basename(sys.argv[0])",
    "module path": "sys.path",
    "environment": """
        own = {'MUSAN_OUTPUT', 'JPY_PARENT_PID', 'LINES', 'COLUMNS', 'PYDEVD_USE_FRAME_EVAL'}
        {name: value for name, value in sorted(os.environ.items()) if name not in own}
    """,
    "settings of Python": """
        import faulthandler, locale
        faulthandler.is_enabled(), sys.flags, sys.getrecursionlimit(), locale.setlocale(locale.LC_ALL), os.umask(0o22)
    """,
    "signals": "[signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)]",
    "blocked signals": "signal.pthread_sigmask(signal.SIG_BLOCK, [])",
    "process group": "os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()",
    "start of processes": "multiprocessing.get_start_method(), multiprocessing.current_process().name",
    "closed input": "sys.stdin.read()",
    "filters of warnings": """
        [each for each in warnings.filters if each[2].__module__ == 'builtins' and not (each[1] or each[3])]
    """,
    "pandas": "import pandas as pd\npd.DataFrame({'a': range(3), 'b': list('xyz')})",
    "pandas' settings": "{key: pd.get_option(key) for key in pd._config.config._registered_options}",
    "wide table": "pd.DataFrame([range(40)] * 100)",
    "styled table": "pd.DataFrame({'a': [1.5]}).style.set_uuid('u').format('{:.2f}')",
    "figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 1)); ax.plot([1, 3, 2])",
    "figure with formulas": "plt.title(r'$x^2$ and text'); plt.plot([1, 2]); plt.xlabel('x')",
    "figure shown": "plt.plot([3, 2]); plt.show(); print('after')",
    "figure closed": "plt.plot([1]); plt.close(); plt.get_fignums()",
    "figure as a result": "fig",
    "figure of an error": "plt.plot([1, 2]); 1 / 0",
    "settings of matplotlib": "import matplotlib\nmatplotlib.get_backend(), plt.isinteractive(), dict(plt.rcParams)",
    "settings of inline figures": "%config InlineBackend.figure_formats = ['retina']",
    "figure with them": "plt.plot([1, 2])",
    "statsmodels": "import statsmodels.api as sm\nsm.OLS([1., 2, 4, 3], sm.add_constant([1., 2, 3, 4])).fit().params",
    "random": "import random, numpy as np\nrandom.seed(1); np.random.seed(1)\nrandom.random(), np.random.random()",
    "numpy's settings": "np.get_printoptions(), np.geterr()",
}

# The cells of another, which has imported nothing before it looks around.
BARE = {
    "names at the start": "sorted(dir())",
    "matplotlib before a figure": """
        import matplotlib, matplotlib.pyplot as plt
        plt.isinteractive(), matplotlib.get_backend(auto_select=False), dict(matplotlib.rcParams)
    """,
    "callbacks": "{name: len(calls) for name, calls in get_ipython().events.callbacks.items()}",
    "settings made before a figure": "plt.rcParams['figure.dpi'] = 50\nplt.plot([1, 2])",
    "callbacks after a figure": "{name: len(calls) for name, calls in get_ipython().events.callbacks.items()}",
    "table first": "import pandas as pd\npd.DataFrame([[1.5, 'x']])",
    "seaborn": "import seaborn as sns\nplt.rcParams['font.size'], sns.color_palette()[0]",
    "warning of a library": "import numpy as np\nnp.array([1.]) / 0",
    "table of musan": """
        from musan import evidence, reads
        evidence.load('cities').shape, sorted(reads._noted)
    """,
    "log of a library": "import logging\nlogging.getLogger().handlers, logging.getLogger('matplotlib').level",
}


# What differs between any two kernels, too.
VARIES = re.compile(
    r"(?P<time>CPU times: .*\\nWall time: .*?\\n)"
    r"|(?P<file>ipykernel_\d+/\d+\.py)"
    r"|(?P<address>0x[0-9a-f]{6,})"
    r"|(?P<thread>Thread-\d+)"
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """All the cells in one notebook, run by both engines: lists of cells, by name of the engine."""
    folder = tmp_path_factory.mktemp("equal")
    write(folder / "all.ipynb", *CELLS.values(), tags=["raises-exception"])
    write(folder / "bare.ipynb", *BARE.values(), tags=["raises-exception"])
    ran = {}
    for engine in ("papermill", "fork"):
        os.environ.pop("PYTEST_CURRENT_TEST", None)  # ipykernel does not look past Python where it is set
        outcomes = run(plan([], {}, folder, folder / "out", engine=engine, cell_timeout=60), jobs=2)
        paths = [outcome.executed or outcome.failed_copy for outcome in outcomes]
        ran[engine] = dict(zip([*CELLS, *BARE], [cell for path in paths for cell in code(path)], strict=True))
    return ran


def comparable(cell):
    """Return what a cell shows, without what differs between any two kernels."""
    shown = repr({**cell, "id": "", "metadata": {}})
    return VARIES.sub(lambda found: found.lastgroup, shown)


@pytest.mark.parametrize("name", [*CELLS, *BARE])
def test_a_cell_shows_the_same_in_both_engines(both, name):
    assert comparable(both["fork"][name]) == comparable(both["papermill"][name])


def test_a_fork_finds_all_tables_read_and_none_noted(tmp_path):
    write(
        tmp_path / "ahead.ipynb",
        """
        import sys
        from musan import claims, evidence, reads
        ours = [module for name, module in sys.modules.items() if name.startswith('musan.')]
        caches = {each for module in ours for each in vars(module).values() if hasattr(each, 'cache_info')}
        held = sorted(each.__name__ for each in caches if each.cache_info().currsize)
        held, evidence._load.cache_info().currsize == len(evidence.tables()), reads._noted
        """,
    )
    [outcome] = run(plan([], {}, tmp_path, tmp_path / "out", engine="fork"))
    [ran] = code(outcome.executed)
    assert ran.outputs[0].data["text/plain"] == "(['_ledger', '_load', '_package_text'], True, {})"


def test_what_is_said_of_how_cells_ran_has_the_same_form(both):
    for name, cell in both["papermill"].items():
        other = both["fork"][name].metadata
        assert cell.metadata.keys() == other.keys()
        assert cell.metadata.get("execution", {}).keys() == other.get("execution", {}).keys()
        assert cell.metadata.papermill.keys() == other.papermill.keys()
        assert cell.metadata.papermill.status == other.papermill.status


def test_cells_may_be_run_once_and_continued_in_forks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    source = write(
        tmp_path / "shared.ipynb",
        "import os, random\nrandom.seed(1); seen = [0]; print('once')",
        "x = 0",
        "seen.append(x); print(seen, random.random())\nos.write(1, b'past Python\\n');",
    )
    server = ForkServer([])
    child = server.fork() if not server.why_not() else None
    try:
        child.give(halfway.run, source, 1, [2, 3])
        while not isinstance(said := child.hear(60), Done):
            assert said is not None
    finally:
        child.end()
        child.close()
        server.close()
    number = "0.13436424411240122"  # the first that random gives after seed 1
    assert said.result == (
        1,
        [repr(["once\n", f"[0, {value}] {number}\npast Python\n"]) for value in (2, 3)],
    )
