"""`plt-lsp doctor`: checks of the installation, the machine, the model packs, real completions and the log.

It mends nothing; a check says what is wrong and what mends it.
"""

import argparse
import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path, PurePath

import orjson

from plt_engine.errors import PackError
from plt_engine.pack import list_packs, load_pack, packs_dir, verify_pack
from plt_lsp import logs
from plt_lsp.check import Check, State
from plt_lsp.doctor_engine import check_engine
from plt_lsp.exclusions import is_excluded
from plt_lsp.settings import Settings

DISTRIBUTION = "plt-lsp"
OPTIONAL_PACKAGES = ("triton",)
CPU_FEATURES = (
    *("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)
NUM_ERRORS = 5


def main(argv: list[str]) -> int:
    """Run all checks and print each as it is made; 0 only if none has failed."""
    parser = argparse.ArgumentParser(prog="plt-lsp doctor", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", default=Settings().model, metavar="NAME", help="the pack to complete with")
    parser.add_argument("--file", metavar="PATH", help="say too whether anything is suggested in this file, and why")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    checks = []
    for check in run_checks(arguments.model, arguments.file):
        checks.append(check)
        if not arguments.json:
            sys.stdout.write(f"{check.state:<8}{check.section:<9}{check.name}: {check.detail}\n")
            sys.stdout.flush()
    num_failed = sum(check.state is State.FAILED for check in checks)
    if arguments.json:
        document = {"ok": num_failed == 0, "checks": [asdict(check) for check in checks]}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write("All is well.\n" if num_failed == 0 else f"Failed: {num_failed} of {len(checks)} checks.\n")
    return 0 if num_failed == 0 else 1


def run_checks(model: str, file: str | None = None) -> Iterator[Check]:
    """Every check in turn; each is made when it is asked for."""
    yield from check_versions()
    yield from check_machine()
    yield from check_packs()
    yield from check_engine(model)
    yield from check_log()
    if file is not None:
        yield check_file(file, Settings())


def check_versions() -> Iterator[Check]:
    """Python, this distribution and all that it depends on, by their installed metadata; nothing is imported."""
    yield Check("version", "python", State.OK, f"{platform.python_version()} ({sys.executable})")
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        detail = f"its installation has no metadata; install it with `{sys.executable} -m pip install {DISTRIBUTION}`"
        yield Check("version", DISTRIBUTION, State.FAILED, detail)
        return
    names = [name_of(requirement) for requirement in required if "extra ==" not in requirement]
    for name in (DISTRIBUTION, *sorted(names)):
        yield _version(name, State.FAILED)
    for name in OPTIONAL_PACKAGES:
        yield _version(name, State.NOTE)


def name_of(requirement: str) -> str:
    """The distribution's name at the start of a requirement such as `torch>=2.11; extra == 'x'`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _version(name: str, where_missing: State) -> Check:
    try:
        return Check("version", name, State.OK, metadata.version(name))
    except metadata.PackageNotFoundError:
        remedy = f"; install it with `{sys.executable} -m pip install {name}`"
        return Check(
            "version", name, where_missing, "not installed" + (remedy if where_missing is State.FAILED else "")
        )


def check_machine() -> Iterator[Check]:
    """The platform, its cores, and the instructions that fast arithmetic can use."""
    yield Check("machine", "platform", State.OK, platform.platform())
    yield Check("machine", "cores", State.OK, str(os.cpu_count()), {"num_cores": os.cpu_count()})
    features = cpu_features(Path("/proc/cpuinfo"))
    if features is None:
        yield Check("machine", "instructions", State.NOTE, f"{platform.machine()}; this system does not tell more")
    else:
        found = [feature for feature in CPU_FEATURES if feature in features]
        detail = " ".join([platform.machine(), *found])
        yield Check("machine", "instructions", State.OK, detail, {"features": found})


def cpu_features(path: Path) -> frozenset[str] | None:
    """The flags of the first processor that Linux lists, or None where there is no such list."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return None if match is None else frozenset(match[1].split())


def check_packs() -> Iterator[Check]:
    """Every pack in the data folder: its manifest, its files and their hashes."""
    folders = list_packs()
    if not folders:
        detail = "there are none; install plt-lsp again, or build one that `plt-lsp models list` names"
        yield Check("packs", str(packs_dir()), State.FAILED, detail)
    for folder in folders:
        yield _pack(folder)


def _pack(folder: Path) -> Check:
    try:
        pack = load_pack(folder)
        verify_pack(pack)
    except PackError as error:
        return Check("packs", folder.name, State.FAILED, str(error))
    manifest = pack.manifest
    loops = ", ".join(map(str, manifest.loop_counts))
    detail = f"{len(manifest.files)} hashes verified; {manifest.weights.format}, loops {loops}, {manifest.license}"
    return Check("packs", folder.name, State.OK, detail, {"folder": str(folder), "loops": manifest.loop_counts})


def check_log() -> Iterator[Check]:
    """Where the log is, and the last warnings and errors in it, which say their remedies themselves."""
    yield Check("log", "file", State.NOTE, str(logs.log_dir() / logs.FILE))
    for error in logs.last_errors(NUM_ERRORS):
        yield Check("log", error.when, State.NOTE, f"{error.level.lower()}: {error.text}")


def check_file(path: str, settings: Settings) -> Check:
    """Whether the exclusions apply to a file; `path` is relative to its workspace folder."""
    shown = PurePath(path).as_posix()
    matching = [pattern for pattern in settings.excluded_files if is_excluded(shown, (pattern,))]
    if matching:
        detail = f"nothing is suggested in it: plt.excludedFiles has {', '.join(map(repr, matching))}"
        return Check("file", shown, State.NOTE, detail, {"excludedBy": matching})
    return Check("file", shown, State.OK, "no exclusion applies to it", {"excludedBy": []})
