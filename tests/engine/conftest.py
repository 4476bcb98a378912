"""Tiny models gain nothing from threads, and lose much on a busy machine: each of the engine's tests runs on one."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """For every test anew, since the commands that some of them run take the number that they are told."""
    torch.set_num_threads(1)
