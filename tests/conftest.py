"""What all tests share: no setting of the developer's own reaches them."""

import os
import signal

# Two BLAS threads in each of two workers wait for each other; set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# A shell that starts tests in the background has them ignore interrupts, and so what they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("musan", deadline=None)  # a busy machine is no failure
settings.load_profile("musan")


@pytest.fixture(autouse=True)
def neutral_environment(monkeypatch):
    for variable in ("MUSAN_DATA", "MUSAN_NOTEBOOKS", "MUSAN_OUTPUT"):
        monkeypatch.delenv(variable, raising=False)
