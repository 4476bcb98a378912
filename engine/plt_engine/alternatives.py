"""Further texts beside the likeliest, for those who want to choose.

It does not know how a text is generated.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from plt_engine.types import FinishReason, GenerationChunk, GenerationOutput, GenerationRequest, SamplingParams

# The first text is the most likely one; further ones need some chance to differ.
ALTERNATIVES_TEMPERATURE = 0.8


def alternatives_to(
    first: GenerationOutput,
    request: GenerationRequest,
    write: Callable[[GenerationRequest], Iterator[GenerationChunk | GenerationOutput]],
    should_abort: Callable[[], bool],
) -> tuple[str, ...]:
    """Further texts, each different from the first and the others, sampled with a few more tries than are wanted.

    Args:
        first: the likeliest text.
        request: says how many there are to be in all.
        write: generates a text.
        should_abort: asked before each.
    """
    texts = [first.text]
    seed = request.sampling.seed or 0
    for i in range(2 * (request.num_alternatives - 1)):
        if len(texts) == request.num_alternatives or should_abort():
            break
        sampling = SamplingParams(max(request.sampling.temperature, ALTERNATIVES_TEMPERATURE), 0.95, seed + i + 1)
        *_, output = write(replace(request, sampling=sampling))
        assert isinstance(output, GenerationOutput), "a generation ends with its output"
        if output.text not in texts and output.finish_reason is not FinishReason.ABORTED:
            texts.append(output.text)
    return tuple(texts[1:])
