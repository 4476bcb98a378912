"""The choice of a path: forced, automatic, and refused; and that nothing needs triton before it is chosen."""

import logging
import subprocess
import sys

import pytest
import torch

from plt_kernels import reference_path
from plt_kernels.dispatch import Choice, Path, choose, ops_for

INTERPRETED = {"TRITON_INTERPRET": "1"}


@pytest.mark.parametrize(
    ("device", "dtype", "environment", "has_triton", "path", "reason"),
    [
        ("cuda", torch.bfloat16, {}, True, Path.TRITON, "there is a GPU"),
        ("cuda", torch.bfloat16, {"PLT_KERNELS": ""}, True, Path.TRITON, "there is a GPU"),
        ("cuda", torch.bfloat16, {}, False, Path.REFERENCE, "triton is not installed"),
        ("cuda", torch.float64, {}, True, Path.REFERENCE, "do not compute in float64"),
        ("cuda", torch.bfloat16, {"PLT_KERNELS": "reference"}, True, Path.REFERENCE, "asks for it"),
        ("cpu", torch.bfloat16, {}, True, Path.REFERENCE, "not on a GPU"),
        ("mps", torch.float16, {}, True, Path.REFERENCE, "device mps"),
        ("cpu", torch.float32, INTERPRETED, True, Path.REFERENCE, "for tests"),
        ("cpu", torch.float32, {**INTERPRETED, "PLT_KERNELS": "triton"}, True, Path.TRITON, "asks for it"),
        ("cuda", torch.float16, {"PLT_KERNELS": "triton"}, True, Path.TRITON, "asks for it"),
    ],
)
def test_each_path_has_its_reason(device, dtype, environment, has_triton, path, reason):
    choice = choose(device, dtype, environment, has_triton)
    assert choice.path is path
    assert reason in choice.reason


@pytest.mark.parametrize(
    ("device", "environment", "has_triton", "message"),
    [
        ("cpu", {"PLT_KERNELS": "triton"}, True, "not on a GPU"),
        ("cuda", {"PLT_KERNELS": "triton"}, False, "triton is not installed"),
        ("cpu", {"PLT_KERNELS": "fast"}, True, "PLT_KERNELS is 'fast'; choose auto, reference, triton"),
    ],
)
def test_a_path_that_cannot_be_taken_is_refused(device, environment, has_triton, message):
    with pytest.raises(ValueError, match=message):
        choose(device, torch.bfloat16, environment, has_triton)


def test_the_choice_is_told_in_one_log_line(caplog, monkeypatch):
    monkeypatch.delenv("PLT_KERNELS", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with caplog.at_level(logging.INFO, logger="plt_kernels.dispatch"):
        assert ops_for(torch.device("cpu"), torch.float32) is reference_path
    assert [record.getMessage() for record in caplog.records] == [
        "kernels: reference on cpu, since the tensors lie on the device cpu, not on a GPU"
    ]
    assert choose("cpu", torch.float32, {}, True) == Choice(
        Path.REFERENCE, "the tensors lie on the device cpu, not on a GPU"
    )


def test_the_kernels_are_imported_and_run_where_there_is_no_triton():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "import torch, plt_kernels\n"
        "from plt_kernels import dispatch, launch, reference, static_reference\n"
        "ops = dispatch.ops_for(torch.device('cpu'), torch.float32)\n"
        "print(ops.__name__, ops.swiglu(torch.ones(1, 2)).shape)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "plt_kernels.reference_path torch.Size([1, 1])"
