"""What all tests share: no setting of the developer's own reaches them."""

import os

# Two BLAS threads in each of two workers wait for each other; set before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

settings.register_profile("musan", deadline=None)  # a busy machine is no failure
settings.load_profile("musan")


@pytest.fixture(autouse=True)
def neutral_environment(monkeypatch):
    for variable in ("MUSAN_DATA", "MUSAN_NOTEBOOKS", "MUSAN_OUTPUT"):
        monkeypatch.delenv(variable, raising=False)
