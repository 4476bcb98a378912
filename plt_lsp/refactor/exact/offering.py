"""Which refactorings a selection is offered: from the statement around it alone, so that a large file costs nothing.

It does not promise that an offer succeeds; what only the whole file shows comes as a refusal when it is worked out.
"""

import ast
import tokenize
from collections.abc import Callable, Sequence

from plt_lsp.refactor.exact.extract_function import plan_function
from plt_lsp.refactor.exact.extract_variable import plan_variable
from plt_lsp.refactor.exact.fstring_writing import convert_to_fstring
from plt_lsp.refactor.exact.fstrings import conversion_target, plan_conversion
from plt_lsp.refactor.exact.inline_variable import inline_variable, name_at, plan_inline
from plt_lsp.refactor.exact.scopes import FUNCTIONS
from plt_lsp.refactor.exact.selecting import scope_node, selected_block, selected_expression
from plt_lsp.refactor.exact.source import Source
from plt_lsp.refactor.proposal import Offer, RefusedError, Selection

MAX_ROWS = 400

EXTRACT_FUNCTION = Offer("extractFunction", "Extract function", "refactor.extract.function")
EXTRACT_METHOD = Offer("extractMethod", "Extract method", "refactor.extract.method")
EXTRACT_VARIABLE = Offer("extractVariable", "Extract variable", "refactor.extract.variable")
INLINE_VARIABLE = Offer("inlineVariable", "Inline variable", "refactor.inline.variable")
CONVERT_TO_FSTRING = Offer("convertToFString", "Convert to f-string", "refactor.rewrite.fstring")
ORGANIZE_IMPORTS = Offer("organizeImports", "Organize imports", "source.organizeImports")

# Lines that go on with the statement above though they are not indented.
_CONTINUING = (")", "]", "}", "else", "elif", "except", "finally", "#", "case")


def offers_for(selection: Selection) -> tuple[Offer, ...]:
    """What a selection of Python is offered; what nearly fits is disabled and says why."""
    if selection.snapshot.language_id != "python":
        return ()
    imports = (ORGANIZE_IMPORTS,) if _has_imports(selection.snapshot.lines) else ()
    try:
        source = source_around(selection)
        found = [*_of_cursor(source, selection)] if selection.is_empty else [*_of_selection(source, selection)]
    except (RefusedError, RecursionError, tokenize.TokenError):
        found = []
    return (*found, *imports)


def source_around(selection: Selection) -> Source:
    """The statements at the outermost level that a selection touches.

    Raises:
        RefusedError: where they do not parse by themselves, or are very many lines.
    """
    lines = selection.snapshot.lines
    first, last = selection.start.line, selection.end.line
    if selection.end.column == 0 and last > first:
        last -= 1
    while first > 0 and not _begins_statement(lines, first):
        first -= 1
    last += 1
    while last < len(lines) and not _begins_statement(lines, last):
        last += 1
    if last - first > MAX_ROWS and not (first == 0 and last == len(lines)):
        return _within(lines, first, last, selection)
    return Source(lines[first:last], first, is_whole=False)


def _within(lines: Sequence[str], first: int, last: int, selection: Selection) -> Source:
    """A method of a long class, or one function, in the class's head alone: so it parses and is short."""
    top = selection.start.line
    while top > first and not _begins_method(lines[top]):
        top -= 1
    end = selection.end.line + 1
    while end < last and not (_begins_method(lines[end]) or lines[end].lstrip().startswith(("@", "class "))):
        end += 1
    if top == first or end - top > MAX_ROWS or not lines[first].startswith("class "):
        raise RefusedError("The selection is in too long a definition for an instant offer.")
    gap = ["\n"] * (top - first - 1)
    return Source([lines[first], *gap, *lines[top:end]], first, is_whole=False)


def _begins_method(line: str) -> bool:
    return line.startswith(("    def ", "\tdef ", "    async def ", "\tasync def "))


def _begins_statement(lines: Sequence[str], row: int) -> bool:
    line = lines[row]
    if not line.strip() or line[0] in " \t\f" or line.startswith(_CONTINUING):
        return False
    return row == 0 or not lines[row - 1].startswith("@")


def _has_imports(lines: Sequence[str]) -> bool:
    return any(line.startswith(("import ", "from ")) for line in lines[:200])


def _of_cursor(source: Source, selection: Selection) -> list[Offer]:
    found = []
    node = name_at(source, selection)
    if node is not None and isinstance(scope_node(source, node), FUNCTIONS) and _is_bound_nearby(source, node):
        found.append(_tried(INLINE_VARIABLE, lambda: inline_variable(source, plan_inline(source, selection))))
    if conversion_target(source, selection) is not None:
        found.append(_tried(CONVERT_TO_FSTRING, lambda: convert_to_fstring(source, plan_conversion(source, selection))))
    return found


def _is_bound_nearby(source: Source, node: ast.Name) -> bool:
    """Whether the function assigns the name once and plainly, so that it may be a variable to inline."""
    inside = ast.walk(scope_node(source, node))
    bound = [
        one for one in inside if isinstance(one, ast.Name) and one.id == node.id and isinstance(one.ctx, ast.Store)
    ]
    return len(bound) == 1 and isinstance(source.parents[bound[0]], ast.Assign | ast.AnnAssign)


def _of_selection(source: Source, selection: Selection) -> list[Offer]:
    found = []
    try:
        block, expression = selected_block(source, selection), selected_expression(source, selection)
    except RefusedError as error:
        return [*_cut(str(error)), *_of_cursor(source, selection)]
    if block is None and expression is None:
        return [*_cut("The selection cuts a statement or an expression; select whole ones.")]
    found.append(_tried(EXTRACT_FUNCTION, lambda: plan_function(source, selection, is_method=False)))
    node = block.statements[0] if block is not None else expression
    if node is not None and isinstance(source.parents.get(scope_node(source, node)), ast.ClassDef):
        found.append(_tried(EXTRACT_METHOD, lambda: plan_function(source, selection, is_method=True)))
    if expression is not None:
        found.append(_tried(EXTRACT_VARIABLE, lambda: plan_variable(source, selection)))
    return [*found, *_of_cursor(source, selection)]


def _cut(reason: str) -> list[Offer]:
    return [_disabled(offer, reason) for offer in (EXTRACT_FUNCTION, EXTRACT_VARIABLE)]


def _tried(offer: Offer, work: Callable[[], object]) -> Offer:
    try:
        work()
    except RefusedError as error:
        return _disabled(offer, str(error))
    return offer


def _disabled(offer: Offer, reason: str) -> Offer:
    return Offer(offer.name, offer.title, offer.kind, offer.is_written, reason)
