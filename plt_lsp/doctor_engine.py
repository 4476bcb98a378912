"""The doctor's look at the engine: a pack is loaded in a process of its own, and completes with every loop count.

It reaches the engine only through its client, as the server does.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict

from plt_engine.errors import EngineError, PackError
from plt_engine.pack import find_pack
from plt_engine.types import EngineInfo, GenerationOutput, GenerationRequest, Prompt, StopSpec
from plt_engine.wire import EngineConfig
from plt_lsp.check import Check, State
from plt_lsp.engine_client import EngineClient

SAMPLE = Prompt(prefix="def fibonacci(n):\n    if n < 2:\n        return n\n    return", path="fibonacci.py")
# What the user types next: all but the end of the prompt is in the cache by then.
SAMPLE_NEXT = Prompt(prefix=SAMPLE.prefix + " fibonacci(n - 1)", path=SAMPLE.path)
SAMPLE_TOKENS = 24
PATIENCE_S = 180


def check_engine(model: str) -> Iterator[Check]:
    """Load a pack in an engine process and complete a few tokens with it, at each loop count that it supports.

    Each check comes as soon as it is made: a large pack takes minutes to load, and people want to see it move.
    """
    try:
        folder = find_pack(model)
    except PackError as error:
        yield Check("engine", model, State.FAILED, str(error))
        return
    client = EngineClient()
    checks = _look(client, EngineConfig(str(folder.absolute())))
    name = "load"
    with asyncio.Runner() as runner:
        try:
            while (check := runner.run(_next(checks))) is not None:
                yield check
                name = "completion"
        except EngineError as error:
            yield Check("engine", name, State.FAILED, str(error))
        except TimeoutError:
            detail = f"no answer within {PATIENCE_S} s; see whether another program keeps the machine busy"
            yield Check("engine", name, State.FAILED, detail)
        finally:
            runner.run(client.close())


async def _next(checks: AsyncIterator[Check]) -> Check | None:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(checks, None)


async def _look(client: EngineClient, config: EngineConfig) -> AsyncIterator[Check]:
    info = await client.load(config)
    yield _loaded(info)
    for message in info.left_out:
        yield Check("engine", "family", State.NOTE, message)
    for loops in info.loops:
        yield _judged(await _complete(client, config, SAMPLE, loops))
    yield _cached(await _complete(client, config, SAMPLE_NEXT, info.loops[-1]))
    yield await _memory(client)


def _loaded(info: EngineInfo) -> Check:
    detail = (
        f"{info.pack} in {info.load_ms:.0f} ms: {info.dtype} on {info.device}, {info.num_threads} threads, "
        f"{info.weights_bytes / 1e6:.0f} MB of weights"
    )
    return Check("engine", "load", State.OK, detail, asdict(info))


async def _complete(client: EngineClient, config: EngineConfig, prompt: Prompt, loops: int) -> GenerationOutput:
    request = GenerationRequest(
        request_id=client.new_id("doctor"),
        session_id="doctor",
        prompt=prompt,
        stop=StopSpec(max_tokens=SAMPLE_TOKENS),
        loops=loops,
    )
    *_, output = [event async for event in client.generate(config, request)]
    assert isinstance(output, GenerationOutput), "a generation ends with its output"
    return output


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


def _cached(output: GenerationOutput) -> Check:
    metrics = output.metrics
    share = metrics.num_cached_tokens / metrics.num_prompt_tokens
    detail = f"{metrics.num_cached_tokens} of {metrics.num_prompt_tokens} prompt tokens reused after a few words more"
    if metrics.num_cached_tokens == 0:
        detail = f"{detail}; every request reads its whole prompt anew, which is a fault: report it"
        return Check("engine", "cache", State.FAILED, detail, {"hitRate": share})
    return Check("engine", "cache", State.OK, detail, {"hitRate": share})


async def _memory(client: EngineClient) -> Check:
    stats = await client.stats()
    if stats is None:
        return Check("engine", "memory", State.FAILED, "the engine process has ended; see the log")
    detail = f"{stats.max_rss_bytes / 1e6:.0f} MB at most, in process {stats.pid}"
    return Check("engine", "memory", State.OK, detail, {"maxRssBytes": stats.max_rss_bytes})
