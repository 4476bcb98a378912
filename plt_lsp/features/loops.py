"""The commands `plt.switchLoopCount` and `plt.switchLatencyBudget`: what there is to choose from, and the choice.

A choice holds from the next request on, until the editor's settings are read again; it starts no engine.
"""

from collections.abc import Sequence
from dataclasses import replace

from plt_engine.errors import EngineError
from plt_engine.family import family_of
from plt_engine.json_object import Figure
from plt_engine.pack import find_pack, load_pack
from plt_engine.pack_manifest import EXACT, QUALITY
from plt_engine.types import LoopLatency, RequestKind
from plt_engine.wire import Stats
from plt_lsp.budgets import budgets, loops_asked, with_budget
from plt_lsp.decisions import described
from plt_lsp.session import ServerSession
from plt_lsp.settings import Loops

LOOPS_COMMAND = "plt.switchLoopCount"
BUDGET_COMMAND = "plt.switchLatencyBudget"
MAX_BUDGET_MS = 600_000


async def switch_loop_count(session: ServerSession, *arguments: object) -> dict[str, object]:
    """Take a loop count or `auto`, where one is given, and answer with the choices.

    Raises:
        ValueError: the argument is neither, or the pack has no evidence for the count.
    """
    stats = await _stats(session)
    choices = _choices(session, stats)
    if arguments:
        wanted = _wanted(arguments[0], [choice["loops"] for choice in choices])
        session.settings = replace(session.settings, loops=wanted)
        session.note_change()
    now = loops_asked(session.settings)
    lines = [
        f"Loop count: {now or Loops.AUTO.value}",
        *(f"{choice['title']}: {choice['detail']}" for choice in choices),
        *(stats.info.left_out if stats is not None and stats.info is not None else ()),
    ]
    if session.decision is not None:
        lines.append(f"Last: {described(session.decision)}")
    return {"loops": now or Loops.AUTO.value, "choices": choices, "text": "\n".join(lines) + "\n"}


def switch_latency_budget(session: ServerSession, *arguments: object) -> dict[str, object]:
    """Take a kind of request and its latency budget in milliseconds, where they are given, and answer with all.

    Raises:
        ValueError: there is no such kind, or the budget is no whole number from 0.
    """
    if arguments:
        kind, ms = _budget(arguments)
        session.settings = with_budget(session.settings, kind, ms)
        session.note_change()
    found = {kind.value: ms for kind, ms in budgets(session.settings).items()}
    return {"budgetsMs": found, "text": "".join(f"{kind}: {ms} ms\n" for kind, ms in found.items())}


def _budget(arguments: tuple[object, ...]) -> tuple[RequestKind, int]:
    kinds = {kind.value: kind for kind in RequestKind}
    kind = kinds.get(str(arguments[0]))
    ms = arguments[1] if len(arguments) > 1 else None
    if kind is None:
        raise ValueError(f"{BUDGET_COMMAND} takes one of {', '.join(kinds)}, not {arguments[0]!r}.")
    if isinstance(ms, bool) or not isinstance(ms, int | float) or not 0 <= ms <= MAX_BUDGET_MS:
        raise ValueError(f"{BUDGET_COMMAND} takes milliseconds from 0 to {MAX_BUDGET_MS}, not {ms!r}.")
    return kind, int(ms)


def _wanted(argument: object, known: list[object]) -> Loops | int:
    if argument == Loops.AUTO.value:
        return Loops.AUTO
    if isinstance(argument, int | float) and not isinstance(argument, bool) and argument in known:
        return int(argument)
    counts = ", ".join(map(str, known))
    raise ValueError(f'{LOOPS_COMMAND} takes "auto" or a loop count with evidence ({counts}), not {argument!r}.')


async def _stats(session: ServerSession) -> Stats | None:
    try:
        return await session.engine.stats()
    except EngineError:
        return None


def _choices(session: ServerSession, stats: Stats | None) -> list[dict[str, object]]:
    """Every loop count with evidence, with its quality and, where it was measured here, its latency."""
    loaded = stats.info.loops if stats is not None and stats.info is not None else ()
    figures = _figures(session, loaded) or {loops: {} for loops in loaded}
    latencies = {latency.loops: latency for latency in stats.latencies} if stats is not None else {}
    return [_choice(loops, figures[loops], latencies.get(loops)) for loops in sorted(figures)]


def _figures(session: ServerSession, loaded: Sequence[int]) -> dict[int, dict[str, Figure]]:
    """The figures in the evidence for each loop count of the pack, and for those of its family that are loaded.

    None where the pack cannot be read.
    """
    try:
        family = family_of(load_pack(find_pack(session.settings.model)))
    except (EngineError, OSError):
        return {}
    return {
        support.loops: dict(support.evidence.figures)
        for loops, pack in family.by_count.items()
        for support in pack.manifest.loops
        if support.loops == loops and (pack is family.packs[0] or loops in loaded)
    }


def _choice(loops: int, figures: dict[str, Figure], latency: LoopLatency | None) -> dict[str, object]:
    quality, exact = figures.get(QUALITY), figures.get(EXACT)
    parts = [] if quality is None else [f"{quality} bits per byte"]
    parts += [] if exact is None else [f"{_percent(exact)} of lines right"]
    parts = parts or ["quality not measured (plt-lsp models calibrate)"]
    if latency is None:
        parts.append("latency not measured yet")
    else:
        guess = f"error {latency.error:.0%}" if latency.num_measured else "guessed from another count"
        parts.append(f"{latency.token_ms:.0f} ms a token, {latency.reading_ms:.0f} ms to read 100 ({guess})")
    return {
        "loops": loops,
        "title": f"R = {loops}",
        "detail": ", ".join(parts),
        "bitsPerByte": quality,
        "lineExactMatch": exact,
        "tokenMs": None if latency is None else latency.token_ms,
        "readingMs": None if latency is None else latency.reading_ms,
    }


def _percent(figure: Figure) -> str:
    return figure if isinstance(figure, str) else f"{figure:.0%}"
