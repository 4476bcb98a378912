"""What a model reads before it chooses the name of something that is extracted.

It does not know models; it lays the code out as it will stand around the name.
"""

from plt_lsp.refactor.exact.extract_function import FunctionPlan, definition_around
from plt_lsp.refactor.exact.extract_variable import VariablePlan
from plt_lsp.refactor.exact.naming import taken_names
from plt_lsp.refactor.exact.selecting import scope_node, statement_start
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import NameWanted

MAX_LINES_BEFORE = 20


def wanted_function(source: Source, plan: FunctionPlan, default: str) -> NameWanted:
    """The name of a function or method: its whole definition stands around it."""
    before, after = definition_around(source, plan)
    code = before.strip("\n") + default + after.rstrip("\n")
    role = "function" if plan.method is None else "method"
    return NameWanted(role, default, taken_names(source), code, before.lstrip("\n"), after.rstrip("\n"))


def wanted_variable(source: Source, plan: VariablePlan, default: str) -> NameWanted:
    """The name of a variable: the lines above it in its function, its value, and the statement that will use it."""
    function = scope_node(source, plan.statement)
    top = source.row(source.start(function)) if hasattr(function, "lineno") else 0
    row = source.row(plan.at)
    above = source.lines[max(top, row - MAX_LINES_BEFORE) : row]
    value = source.segment(plan.expression)
    start, end = statement_start(source, plan.statement), source.end(plan.statement)
    rest = source.text[start : source.start(plan.expression)], source.text[source.end(plan.expression) : end]
    before = "".join(f"{line}\n" for line in above) + plan.indent
    after = f" = {value}\n{plan.indent}{rest[0]}{default}{rest[1]}"
    return NameWanted(
        "variable", default, taken_names(source), value, before, f" = {value}" if rest == ("", "") else after
    )
