"""The tables of launch parameters: which one a device gets, and that each says why it is as it is."""

import pytest
import torch

from plt_kernels.launch import TABLES, architecture_of, power_of_two, require, table_for


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((8, 0), "sm_80"), ((8, 6), "sm_86"), ((8, 7), "sm_86"), ((8, 9), "sm_89"), ((9, 0), "sm_90"), ((10, 0), "sm_100"),
     ((12, 0), "sm_100"), ((7, 5), "sm_80")],
)  # fmt: skip
def test_a_gpu_gets_the_table_of_its_generation_or_of_the_one_before(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", None)
    assert architecture_of(torch.device("cuda")) == expected
    assert table_for(torch.device("cuda")) is TABLES[expected]


def test_an_amd_gpu_and_a_cpu_have_tables_of_their_own(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert architecture_of(torch.device("cuda")) == "gfx942"
    assert architecture_of(torch.device("cpu")) == "interpreter"


def test_every_table_has_a_reason_and_sides_that_are_powers_of_two():
    for name, table in TABLES.items():
        assert len(table.reason.split()) > 8, name
        for tile in (table.decode, table.prefill, table.linear):
            assert all(side == power_of_two(side) for side in (tile.rows, tile.columns, tile.num_warps)), name


@pytest.mark.parametrize(("n", "least", "expected"), [(1, 1, 1), (5, 1, 8), (64, 1, 64), (65, 16, 128), (3, 16, 16)])
def test_a_blocks_side_is_the_next_power_of_two(n, least, expected):
    assert power_of_two(n, least) == expected


def test_a_fault_is_named_with_its_operation():
    require(True, "an operation", "nothing")
    with pytest.raises(ValueError, match="an operation: a fault"):
        require(False, "an operation", "a fault")
