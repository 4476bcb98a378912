"""The tables in kernels/README.md are what the commands compute, and say what is claimed of them."""

import pytest
import torch

from plt_kernels import reference_path
from tests.bench import kernels, kernels_compile, kernels_device, kernels_roofline
from tests.bench.kernels_shapes import LOOPCODER_V2, shapes
from tests.kernels.differences import assert_close


def compiled_rows() -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in kernels.section("compile").split("\n")[2:]
    ]


def test_every_kernel_is_listed_for_every_architecture():
    expected = [(s.name, name) for name in kernels_compile.ARCHITECTURES for s in shapes(name)]
    assert [(row[0], row[1]) for row in compiled_rows()] == expected
    assert {name for _, name in expected} == {"sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "gfx942"}


def test_no_kernel_of_a_decoded_token_spills_a_register():
    decode = [row for row in compiled_rows() if "prefill" not in row[0]]
    assert len(decode) > 80
    assert [row for row in decode if row[4] != "0"] == []
    assert all(int(row[5]) >= 1 for row in compiled_rows())


@pytest.mark.parametrize("architecture", ["sm_90", "gfx942"])
@pytest.mark.parametrize("name", ["loop_attention_decode, R = 2", "rope_and_append"])
def test_the_table_is_what_the_compiler_says_now(architecture, name):
    shape = next(shape for shape in shapes(architecture) if shape.name == name)
    assert list(kernels_compile.compile_shape(shape, architecture).row) in compiled_rows()


def test_occupancy_is_bounded_by_registers_shared_memory_and_warps():
    shape = next(shape for shape in shapes("sm_80") if shape.name == "loop_attention_decode, R = 2")
    assert shape.launch.num_warps == 4

    def programs(registers: int, shared: int) -> int:
        return kernels_compile.Compiled(shape, "sm_80", registers, shared, 0).programs

    assert programs(32, 0) == 16  # 64 warps, 4 each
    assert programs(250, 0) == 2  # 65,536 registers, 256 for each of 128 threads
    assert programs(32, 80 << 10) == 2  # 164 KiB, 81 each
    assert kernels_compile.Compiled(shape, "gfx942", 100, 0, 0).programs == 4  # 512 // 104 = 4 waves on each of 4 SIMDs


def test_the_roofline_tables_are_what_the_formulas_give():
    assert kernels.section("work") == kernels_roofline.work_table()
    assert kernels.section("roofline") == kernels_roofline.time_table()


def test_an_h100s_token_at_32k_by_hand():
    # 14 layers of q, k, v (7168 x 5120), o (5120 x 5120) and three of 5120 x 27,648, and the head of 76,800 x 5120.
    weights = 14 * (7168 * 5120 + 5120 * 5120 + 3 * 5120 * 27_648) + 76_800 * 5120
    rows = 2 * 14 * (7168 + 4 * 5120 + 3 * 27_648)
    gates = 14 * 41 * 5120
    # Of each layer keys and values of 8 heads of 128, twice 2 bytes, of 32,768 shared and 65 local positions; partial
    # results of 16 splits and one ring for 2 x 40 heads of 128 float32, written and read; q and y of 2 x 40 heads.
    attention = 14 * (2 * 2 * 8 * 128 * (32_768 + 65) + 2 * 17 * 80 * 128 * 4 + 2 * 2 * 80 * 128)
    small = 2 * 14 * 2 * (8 * 5120 + 2 * 7168 + 3 * 27_648)
    seconds = (2 * weights + 2 * rows + 2 * gates + attention + small) / 3350e9
    gpu = next(gpu for gpu in kernels_roofline.GPUS if gpu.name == "H100 SXM")
    assert kernels_roofline.token_seconds(LOOPCODER_V2, 2, 32_768, gpu) == pytest.approx(seconds, rel=1e-12)
    assert f"| H100 SXM, bf16 | 32,768 | 4.88 | {1e3 * seconds:.2f} |" in kernels.section("roofline")


def test_a_3060s_token_at_1k_by_hand():
    weights = 14 * (7168 * 5120 + 5120 * 5120 + 3 * 5120 * 27_648) + 76_800 * 5120
    rows = 14 * (7168 + 4 * 5120 + 3 * 27_648)
    # 28 multiprocessors for 8 KV heads: 3 splits.
    attention = 14 * (2 * 2 * 8 * 128 * 1024 + 2 * 3 * 40 * 128 * 4 + 2 * 2 * 40 * 128)
    small = 2 * 14 * (8 * 5120 + 2 * 7168 + 3 * 27_648)
    seconds = (weights * 5 / 8 + 2 * rows + attention + small) / 360e9
    gpu = next(gpu for gpu in kernels_roofline.GPUS if gpu.name == "RTX 3060")
    assert kernels_roofline.token_seconds(LOOPCODER_V2, 1, 1024, gpu) == pytest.approx(seconds, rel=1e-12)
    assert f"| RTX 3060, int4 | 1,024 | {1e3 * seconds:.2f} |" in kernels.section("roofline")


@pytest.mark.parametrize("context", [4096, 131_072])
def test_a_further_loop_does_not_read_the_shared_kv_again(context):
    one, two, three = (
        next(w for w in kernels_roofline.token_work(LOOPCODER_V2, R, context, "bf16", 16) if "attention" in w.kernel)
        for R in (1, 2, 3)
    )
    shared = 14 * 2 * 2 * 8 * 128 * context
    assert shared < one.num_bytes
    # At 4k the float32 partial results of the splits weigh more than the local keys; neither grows with the context.
    assert two.num_bytes - one.num_bytes < 0.07 * shared
    assert three.num_bytes - two.num_bytes < 0.07 * shared
    assert two.num_operations > 1.99 * one.num_operations


def test_what_is_measured_side_by_side_computes_the_same():
    inputs = kernels_device.attention_inputs(1, 70, "cpu")
    got, expected = kernels_device.sdpa(inputs)[0, :, 0], kernels_device.attend(reference_path, inputs)[0]
    assert_close(got, expected, torch.bfloat16)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("NVIDIA GeForce RTX 3060", "RTX 3060"),
        ("NVIDIA A100-SXM4-80GB", "A100 80 GB"),
        ("NVIDIA RTX A6000", None),
    ],
)
def test_a_gpu_is_known_by_the_name_it_gives_itself(name, expected):
    gpu = kernels_device.published(name)
    assert (gpu.name if gpu else None) == expected


def test_without_a_gpu_the_command_says_that_nothing_was_measured(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "figures.json"
    assert kernels.main(["--device", "--out", str(out)]) == 1
    assert "Nothing was measured: torch sees no GPU here." in capsys.readouterr().out
    assert not out.exists()


def test_the_command_asks_what_to_do(capsys):
    with pytest.raises(SystemExit):
        kernels.main([])
    assert "choose --compile, --roofline or --device" in capsys.readouterr().err
