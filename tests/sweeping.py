"""A notebook to sweep: it notes which of its cells run, refuses one combination, and reports a finding."""

import time
from textwrap import dedent

import nbformat
from nbformat import v4

from musan import parameters
from musan.collection.sweep import batch
from musan.collection.sweep.case import Settings
from musan.collection.sweep.grid import Grid

NAME = "08_testimony"
SETUP = "from musan import parameters\np = parameters.Testimony.from_notebook(globals())"
NOTES = """
    import os
    from pathlib import Path

    def note(word):
        with Path(os.environ['NOTES']).open('a') as file:
            file.write(f'{word} {os.getpid()}\\n')

    note('first')
    print('seen once')
"""
READS = """
    import time
    from musan.errors import MethodError
    note('rest')
    print(p.acquaintances, counted_by)
    time.sleep(p.intraclass_correlation)
    if (p.acquaintances, p.counted_by) == (40, 'sources'):
        raise MethodError('there are no such voices', 'acquaintances, counted_by', 'choose others')
    if p.acquaintances == 41:
        raise MethodError('no table fits', 'spread')
"""
FINDS = """
    from IPython.display import display
    finding = {'claim': 'c', 'aspect': 'statement', 'verdict': p.counted_by, 'estimate': p.acquaintances / 7,
               'low': None, 'high': 0.1 + 0.2, 'unit': 'a, "b"', 'n': p.acquaintances, 'reasons': []}
    display({'application/vnd.musan.finding+json': finding}, raw=True)
"""
CHOICES = {"acquaintances": (10, 20, 30, 40), "counted_by": ("networks", "sources")}


def notebook(folder, *cells, name=NAME, warm=()):
    """Write a notebook with the parameters of a real one and cells of its own; return the folder."""
    first = v4.new_code_cell(parameters.cell_source(parameters.MODELS[name]), metadata={"tags": ["parameters"]})
    others = [v4.new_code_cell(dedent(cell).strip("\n")) for cell in cells]
    folder.mkdir(parents=True, exist_ok=True)
    made = v4.new_notebook(
        cells=[v4.new_markdown_cell("# Why?"), first, *others], metadata={"musan": {"warm": [*warm]}}
    )
    nbformat.write(made, folder / f"{name}.ipynb")
    return folder


def planned(folder, output, choices=CHOICES, *, share=True, **settings):
    return batch.plan([(Grid(NAME, choices), None)], folder, output, Settings(**settings), share=share)


def swept(folder, output, choices=CHOICES, **settings):
    """Sweep, and return the table's bytes."""
    outcome = batch.run(planned(folder, output, choices, **settings))
    assert outcome.failures == ()
    [path] = outcome.written
    return path.read_bytes()


def until(condition, seconds=60):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.01)
