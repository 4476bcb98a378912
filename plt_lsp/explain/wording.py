"""Facts in words: the Markdown that an explanation opens with, and the short form that the model is shown.

It does not know trees or the index. What comes from the code is shown as code, since nobody vouches for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from plt_lsp.explain.untrusted import code_span
from plt_lsp.explain.whereabouts import Whereabouts
from plt_lsp.syntax.facts.types import Call, Effect, Facts, Named, Origin
from plt_lsp.syntax.outline_types import Rows

MAX_LISTED = 12
_EFFECTS = {
    Effect.FILES: "Reaches files by",
    Effect.NETWORK: "Reaches the network by",
    Effect.PROCESSES: "Runs or ends other processes by",
}

Places = Mapping[str, Whereabouts]


def title_of(facts: Facts, path: str | None) -> str:
    """One line that says what is explained, and where it stands."""
    name = "" if facts.definition is None else code_span(facts.definition.name) + ", "
    place = code_span(path) + ", " if path else ""
    return f"{name}{place}{_rows(facts.rows)}"


def facts_text(facts: Facts, places: Places) -> str:
    """A list of all that is known.

    Args:
        facts: of the code.
        places: where imported things are defined, by the names that are called.
    """
    return "\n".join(f"- {line}" for line in _lines(facts, places))


def facts_for_model(facts: Facts) -> str:
    """The facts that help a small model most, in one line."""
    parts = [_what(facts)]
    raised = [one.text for one in facts.raises if one.text]
    if raised:
        parts.append(f"It raises {', '.join(raised[:4])}.")
    return " ".join(parts).replace("`", "")


def _lines(facts: Facts, places: Places) -> Iterator[str]:
    yield _what(facts)
    definition = facts.definition
    if definition is not None:
        yield f"Signature: {code_span(definition.signature)}"
        if definition.doc:
            yield f"Its documentation begins: {code_span(definition.doc)}"
    if facts.defines:
        yield "Defines " + _listed(facts.defines, lambda one: f"{code_span(one.name)} ({_line(one.header.first)})")
    if facts.calls:
        yield "Calls " + _listed(facts.calls, lambda call: _call(call, places))
    if facts.raises:
        yield "Raises " + _listed(facts.raises, _raise)
    if facts.catches:
        yield "Catches " + _listed(facts.catches, lambda one: _named(one, "whatever is raised"))
    if facts.returns:
        yield "Its `return` gives " + _listed(facts.returns, lambda one: _named(one, "nothing"))
    if facts.yields:
        yield "Yields values one by one"
    if facts.num_branches or facts.num_loops:
        counts = (_count(facts.num_branches, "branch", "branches"), _count(facts.num_loops, "loop", "loops"))
        yield "Has " + " and ".join(filter(None, counts))
    if facts.globals:
        yield "Assigns the file's own " + _listed(facts.globals, lambda one: _named(one, ""))
    yield from _effects(facts.calls)
    if facts.has_errors:
        yield "Its syntax has errors, so that some of it may be left out here"


def _what(facts: Facts) -> str:
    if facts.definition is None:
        around = "the file" if facts.inside is None else f"the {facts.inside.kind} {code_span(facts.inside.name)}"
        return f"A part of {around}, {_rows(facts.rows)}"
    kind = str(facts.definition.kind)
    if facts.is_async:
        kind = f"asynchronous {kind}"
    article = "An" if kind[0] in "aeiou" else "A"
    owner = f" of {code_span(facts.owner)}" if facts.owner else ""
    inside = ""
    if not owner and facts.inside is not None:
        inside = f" inside the {facts.inside.kind} {code_span(facts.inside.name)}"
    return f"{article} {kind}{owner}{inside}, {_rows(facts.rows)}"


def _call(call: Call, places: Places) -> str:
    name = code_span(call.name)
    place = places.get(call.name)
    if place is not None:
        return f"{name} (defined in {code_span(place.path)}, {_line(place.row)})"
    if call.origin is Origin.HERE and call.defined_at is not None:
        owner = f" of {code_span(call.owner)}" if call.owner else ""
        return f"{name} ({_line(call.defined_at)}{owner})"
    if call.origin is Origin.IMPORTED and call.module:
        return f"{name} (imported from {code_span(call.module)})"
    return f"{name} (built in)" if call.origin is Origin.BUILTIN else name


def _raise(raised: Named) -> str:
    guard = ", where it may be caught" if raised.is_guarded else ""
    name = code_span(raised.text) if raised.text else "again what was caught"
    return f"{name} ({_line(raised.row)}{guard})"


def _named(named: Named, otherwise: str) -> str:
    return f"{code_span(named.text) if named.text else otherwise} ({_line(named.row)})"


def _effects(calls: Sequence[Call]) -> Iterator[str]:
    for effect, words in _EFFECTS.items():
        reaching = [call for call in calls if call.effect is effect]
        if reaching:
            yield f"{words} " + _listed(reaching, lambda call: f"{code_span(call.name)} ({_line(call.row)})")


def _listed(items: Sequence[object], word: Callable[..., str]) -> str:
    more = [] if len(items) <= MAX_LISTED else [f"{len(items) - MAX_LISTED} more"]
    return ", ".join([*map(word, items[:MAX_LISTED]), *more])


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}" if number else ""


def _rows(rows: Rows) -> str:
    return _line(rows.first) if rows.first == rows.last else f"lines {rows.first + 1} to {rows.last + 1}"


def _line(row: int) -> str:
    return f"line {row + 1}"
