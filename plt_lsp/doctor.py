"""`plt-lsp doctor`: checks of the installation, the machine, the model packs and one real completion.

It mends nothing, and it reaches the engine only through its client, as the server does.
"""

import argparse
import asyncio
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import orjson

from plt_engine.errors import EngineError, PackError
from plt_engine.pack import find_pack, list_packs, load_pack, packs_dir, verify_pack
from plt_engine.types import GenerationOutput, GenerationRequest, Prompt, StopSpec
from plt_engine.wire import EngineConfig
from plt_lsp.engine_client import EngineClient
from plt_lsp.settings import Settings

DISTRIBUTION = "plt-lsp"
OPTIONAL_PACKAGES = ("triton",)
CPU_FEATURES = (
    *("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)
SAMPLE = Prompt(prefix="def fibonacci(n):\n    if n < 2:\n        return n\n    return", path="fibonacci.py")
SAMPLE_TOKENS = 24
PATIENCE_S = 180


class State(StrEnum):
    """What a check came to; a note is neither good nor bad."""

    OK = "ok"
    FAILED = "failed"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what it is, what it came to, one line for people, and the figures for scripts."""

    section: str
    name: str
    state: State
    detail: str
    figures: Mapping[str, object] = field(default_factory=dict)


def main(argv: list[str]) -> int:
    """Run all checks and print each as it is made; 0 only if none has failed."""
    parser = argparse.ArgumentParser(prog="plt-lsp doctor", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", default=Settings().model, metavar="NAME", help="the pack to complete with")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    checks = []
    for check in run_checks(arguments.model):
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


def run_checks(model: str) -> Iterator[Check]:
    """Every check in turn; each is made when it is asked for."""
    yield from check_versions()
    yield from check_machine()
    yield from check_packs()
    yield from check_engine(model)


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
        detail = f"there are none; build one with `plt-lsp models build {Settings().model}`"
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


def check_engine(model: str) -> Iterator[Check]:
    """Load a pack in an engine process and complete a few tokens with it."""
    try:
        folder = find_pack(model)
    except PackError as error:
        yield Check("engine", model, State.FAILED, str(error))
        return
    yield from asyncio.run(_load_and_complete(EngineConfig(str(folder.absolute()))))


async def _load_and_complete(config: EngineConfig) -> list[Check]:
    client = EngineClient()
    checks = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            checks.append(await _load(client, config))
            checks.append(await _complete(client, config))
    except EngineError as error:
        checks.append(Check("engine", "completion" if checks else "load", State.FAILED, str(error)))
    except TimeoutError:
        detail = f"no answer within {PATIENCE_S} s; see whether another program keeps the machine busy"
        checks.append(Check("engine", "completion" if checks else "load", State.FAILED, detail))
    finally:
        await client.close()
    return checks


async def _load(client: EngineClient, config: EngineConfig) -> Check:
    info = await client.load(config)
    detail = (
        f"{info.pack} in {info.load_ms:.0f} ms: {info.dtype} on {info.device}, {info.num_threads} threads, "
        f"{info.weights_bytes / 1e6:.0f} MB of weights"
    )
    return Check("engine", "load", State.OK, detail, asdict(info))


async def _complete(client: EngineClient, config: EngineConfig) -> Check:
    request = GenerationRequest(
        request_id=client.new_id("doctor"), session_id="doctor", prompt=SAMPLE, stop=StopSpec(max_tokens=SAMPLE_TOKENS)
    )
    async for answer in client.generate(config, request):
        if isinstance(answer, GenerationOutput):
            return _judged(answer)
    return Check("engine", "completion", State.FAILED, "the engine ended it without an output; report this as a fault")


def _judged(output: GenerationOutput) -> Check:
    metrics = output.metrics
    if not output.text.strip():
        detail = f"{metrics.num_generated_tokens} tokens, but no text; build the pack anew"
        return Check("engine", "completion", State.FAILED, detail, asdict(metrics))
    detail = (
        f"{metrics.num_generated_tokens} tokens, R = {metrics.loops}, first after {metrics.ttft_ms:.0f} ms, "
        f"then {metrics.tokens_per_second:.1f} tokens/s"
    )
    return Check("engine", "completion", State.OK, detail, {**asdict(metrics), "text": output.text})
