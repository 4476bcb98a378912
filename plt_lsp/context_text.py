"""What the model is shown at a place, told for people: what is asked for, the parts with their reasons, the text.

It does not choose any of it.
"""

from plt_lsp.context.report import Context
from plt_lsp.snapshot import Snapshot
from plt_lsp.trigger import Plan


def context_text(snapshot: Snapshot, context: Context, plan: Plan) -> str:
    """The whole report, as editors and the command line show it."""
    prompt, (line, column) = context.prompt, snapshot.cursor
    head = [
        f"file      {snapshot.path or snapshot.uri} ({snapshot.language_id}), line {line + 1}, column {column + 1}",
        f"model     {snapshot.settings.model}",
        f"asks for  a {plan.unit.value} of at most {plan.max_lines} lines, the cursor being in {plan.place.value}",
        f"shows     {len(prompt.prefix)} characters before the cursor, {len(prompt.suffix)} after it, and "
        f"{sum(len(chunk.text) for chunk in prompt.chunks)} of other files",
        "",
        context.report.table(),
    ]
    chunks = [line for chunk in prompt.chunks for line in (f"--- of {chunk.path}", chunk.text)]
    texts = ["--- before the cursor", prompt.prefix, "--- after the cursor", prompt.suffix]
    return "\n".join([*head, "", *chunks, *texts, ""])
