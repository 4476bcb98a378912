"""One short prompt and two tokens before the first request: on a GPU that compiles the kernels and captures the graph.

It does not know what the kernels are; a CPU has nothing to warm up.
"""

from plt_engine.runner import ModelRunner


def warm_up(runner: ModelRunner, loops: int) -> None:
    """Run every kernel that a completion needs once, with `loops` loops; the results are thrown away.

    The prompt is longer than the local window, and its last chunk is short, so that both forms of a chunk are seen.
    """
    num_tokens = min(runner.max_tokens - 2, runner.config.loop.window_left + 40)
    cache = runner.new_cache(loops)
    runner.prefill(cache, [0] * num_tokens, chunk_tokens=max(1, num_tokens - 3))
    for _ in range(2):
        runner.logits(runner.decode(cache, 0))
