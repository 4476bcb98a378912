"""How many tokens the model makes of each part of a prompt, counted by a child process with the pack's tokenizer.

It does not know how parts are chosen or told; the server process itself never loads a tokenizer.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace

import orjson

from plt_lsp.context.report import Context


async def with_tokens(context: Context, model: str) -> Context:
    """The context with its parts' tokens, without those of the prompt's format; where none can be counted, with why."""
    words = (sys.executable, "-P", "-m", "plt_engine.count_tokens", model)
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    counted, complaint = await process.communicate(orjson.dumps(context.texts()))
    if process.returncode != 0:
        said = complaint.decode("utf-8", "replace").strip().splitlines() or [f"exit code {process.returncode}"]
        return replace(context, report=replace(context.report, uncounted=said[-1]))
    parts = zip(context.report.parts, orjson.loads(counted), strict=True)
    counts = tuple(replace(part, num_tokens=num_tokens) for part, num_tokens in parts)
    return replace(context, report=replace(context.report, parts=counts))
