"""Tiny models gain nothing from threads, and lose much on a busy machine: the engine's tests run on one."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)
