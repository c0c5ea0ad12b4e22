"""What a process does that runs the first cells of a notebook once and the others in forks of itself."""

import os

import nbformat
from papermill.engines import NotebookExecutionManager

from musan.collection import kernel, preload, shell


def run(source, shared, values):
    """Run ``shared`` cells, then, for each value of ``x``, the others; return the threads and what was printed."""
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata.papermill = nbformat.NotebookNode()
    this = shell.the_shell()
    this.begin(source.parent)
    client = shell.ShellClient(NotebookExecutionManager(notebook, progress_bar=False), this)
    client.nb_man.notebook_start()
    assert client.execute_cells(0, shared)
    printed = []
    for value in values:
        reading, writing = os.pipe()
        if os.fork() == 0:
            this.resume(source.parent)
            notebook.cells[shared].source = f"x = {value}"
            client.execute_cells(shared, len(notebook.cells))
            kernel.join_streams(notebook)
            outputs = [output.text for cell in notebook.cells for output in cell.outputs]
            os.write(writing, repr(outputs).encode())
            os._exit(0)
        os.wait()
        os.close(writing)
        printed.append(os.read(reading, 10_000).decode())
        os.close(reading)
    return preload.threads(), printed
