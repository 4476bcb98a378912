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
        f"shows     {len(prompt.prefix)} characters before the cursor and {len(prompt.suffix)} after it",
        "",
        context.report.table(),
    ]
    return "\n".join([*head, "", "--- before the cursor", prompt.prefix, "--- after the cursor", prompt.suffix, ""])
