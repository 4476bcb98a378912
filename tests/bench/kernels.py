"""`python -m tests.bench kernels`: what the Triton kernels take, on paper and from the compiler, or on a GPU's clock.

It writes its tables between marks in kernels/README.md.
"""

import argparse
from pathlib import Path

README = Path(__file__).parents[2] / "kernels" / "README.md"


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench kernels", description=__doc__)
    parser.add_argument("--compile", action="store_true", help="compile for each architecture; no GPU is needed")
    parser.add_argument("--roofline", action="store_true", help="compute the time per token on paper")
    parser.add_argument("--device", action="store_true", help="measure on this machine's GPU")
    parser.add_argument("--out", type=Path, default=Path("kernels-device.json"), help="where --device writes")
    chosen = parser.parse_args(args)
    if not (chosen.compile or chosen.roofline or chosen.device):
        parser.error("choose --compile, --roofline or --device")
    if chosen.roofline:
        from tests.bench import kernels_roofline

        refresh("work", kernels_roofline.work_table())
        refresh("roofline", kernels_roofline.time_table())
    if chosen.compile:
        compile_and_refresh()
    if chosen.device:
        from tests.bench import kernels_device

        return kernels_device.run(chosen.out)
    return 0


def compile_and_refresh() -> None:
    from tests.bench import kernels_compile

    rows = []
    for row in kernels_compile.compile_all(kernels_compile.ARCHITECTURES):
        print(*row.row, sep="\t", flush=True)
        rows.append(row)
    refresh("compile", kernels_compile.markdown(rows))


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def section(name: str) -> str:
    """What the README holds between a section's marks."""
    begin, end = marks(name)
    return README.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()


def refresh(name: str, content: str) -> None:
    """Put new content between a section's marks."""
    begin, end = marks(name)
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    README.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")
