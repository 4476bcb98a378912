"""`schemas/messages.schema.json`: the project's own requests and notifications, generated from their types.

It knows the types of `plt_lsp.messages` and nothing of who sends or reads them.
"""

import json
import re
import types
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from plt_lsp import messages

PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    object: {},
}
_ATTRIBUTE = re.compile(r"^ {8}(\w+): ((?:.|\n {12})+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Message:
    """One method: the types of its parameters and, for a request, of its result; None is null."""

    params: Any
    result: Any = None
    is_request: bool = False


MESSAGES = {
    messages.STATUS: Message(None, messages.Status, is_request=True),
    messages.DID_CHANGE_STATUS: Message(messages.Status),
    messages.INLINE_COMPLETION_PROGRESS: Message(messages.InlineCompletionProgress),
    messages.COMPLETION_REPORT: Message(messages.CompletionReport),
    messages.DID_DISMISS: Message(messages.DidDismissCompletion),
    messages.EXPLANATION_PROGRESS: Message(messages.ExplanationProgress),
    messages.REFACTORING_PROGRESS: Message(messages.RefactoringProgress),
}


def message_schema() -> str:
    """The schema as it is written to the file: `properties` has one entry for each method."""
    definitions: dict[str, Any] = {}
    methods = {}
    for method, message in MESSAGES.items():
        parts = {"params": _schema_of(message.params or types.NoneType, definitions)}
        if message.is_request:
            parts["result"] = _schema_of(message.result or types.NoneType, definitions)
        kind = "request" if message.is_request else "notification"
        methods[method] = {"type": "object", "x-kind": kind, "properties": parts, "required": ["params"]}
    root = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The language server's own requests and notifications, by method",
        "type": "object",
        "properties": methods,
        "$defs": definitions,
    }
    return json.dumps(root, indent=2) + "\n"


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - a type hint is no class
    if kind in PLAIN:
        return dict(PLAIN[kind])
    if is_typeddict(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}
            definitions[kind.__name__] = _object_of(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Required, NotRequired):
        return _schema_of(arguments[0], definitions)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(argument, definitions) for argument in arguments]}
    if origin is list:
        return {"type": "array", "items": _schema_of(arguments[0], definitions)}
    assert origin is dict, f"no JSON schema is known for {kind}"
    return {"type": "object", "additionalProperties": _schema_of(arguments[1], definitions)}


def _object_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - as above
    doc = kind.__doc__ or ""
    told = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(doc)}
    fields = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        fields[name] = _schema_of(hint, definitions)
        if name in told:
            fields[name]["description"] = told[name]
    return {
        "type": "object",
        "description": " ".join(doc.split("\n\n")[0].split()),
        "properties": fields,
        "required": sorted(kind.__required_keys__),
        "additionalProperties": False,
    }
