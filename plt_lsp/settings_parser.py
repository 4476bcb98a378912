"""From raw JSON to settings: total, so that any value whatever yields Settings and a list of problems.

It does not know how the values travelled or how problems are shown.
"""

import difflib
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from plt_lsp.settings import SECTION, Settings, Spec, all_specs

CAPABILITIES_KEY = "capabilities"
SHOWN_VALUE_CHARS = 200


class Severity(StrEnum):
    """Whether the user must hear of a problem, or the log."""

    ERROR = "error"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one raw setting, in a sentence that names the key, the value and what holds instead."""

    key: str
    message: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class ClientFeatures:
    """What our own clients announce under `initializationOptions.plt.capabilities`; stock editors announce nothing.

    Attributes:
        inline_completion_progress: takes `plt/inlineCompletionProgress` while a completion grows.
        completion_report: takes `plt/completionReport` after each one.
        status_notifications: takes `plt/didChangeStatus` whenever the status changes.
        explanation_progress: takes `plt/explanationProgress` while an explanation grows.
        refactoring_progress: takes `plt/refactoringProgress`, and shows it as a preview that the user accepts.
        rename_at: runs the command `plt.renameAt` after a refactoring that has named something.
    """

    inline_completion_progress: bool = False
    completion_report: bool = False
    status_notifications: bool = False
    explanation_progress: bool = False
    refactoring_progress: bool = False
    rename_at: bool = False


def parse_client_features(initial: object) -> ClientFeatures:
    """What the client announces; anything that is not `true` is not announced."""
    raw = _section(initial).get(CAPABILITIES_KEY)
    known = raw if isinstance(raw, Mapping) else {}
    return ClientFeatures(
        inline_completion_progress=known.get("inlineCompletionProgress") is True,
        completion_report=known.get("completionReport") is True,
        status_notifications=known.get("statusNotifications") is True,
        explanation_progress=known.get("explanationProgress") is True,
        refactoring_progress=known.get("refactoringProgress") is True,
        rename_at=known.get("renameAt") is True,
    )


def parse_settings(initial: object, configuration: object = None) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings that initialization options and, over them, the editor's configuration ask for.

    Args:
        initial: `initializationOptions`; either `{"plt": {...}}` or the settings themselves.
        configuration: of the section `plt`, in either form, or None. A workspace may have a say in it.
    """
    problems: list[Problem] = []
    specs = {spec.key: spec for spec in all_specs()}
    user, workspace = _flatten(initial, specs, problems), _flatten(configuration, specs, problems)
    _keep_paths_out(workspace, problems)
    raw = {**user, **workspace}
    values = {spec.path: _value(spec, raw[spec.key], problems) for spec in specs.values() if spec.key in raw}
    return _build(Settings, (), values), tuple(problems)


def _section(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        return {}
    inner = raw.get(SECTION)
    return inner if isinstance(inner, Mapping) else raw


def _flatten(raw: object, specs: Mapping[str, Spec], problems: list[Problem]) -> dict[str, object]:
    """Known keys to raw values; dotted and nested spellings mean the same, and null means unset."""
    if raw is not None and not isinstance(raw, Mapping):
        problems.append(Problem("", f"{SECTION}: settings are an object, not {_shown(raw)}; the defaults hold."))
    found: dict[str, object] = {}
    _walk(_section(raw), "", specs, found, problems)
    return found


def _walk(
    raw: Mapping[str, object], prefix: str, specs: Mapping[str, Spec], found: dict[str, object], problems: list[Problem]
) -> None:
    for name, value in raw.items():
        key = f"{prefix}{name}"
        if key in specs:
            if value is not None:
                found[key] = value
        elif isinstance(value, Mapping) and any(known.startswith(f"{key}.") for known in specs):
            _walk(value, f"{key}.", specs, found, problems)
        elif key != CAPABILITIES_KEY and value is not None:
            problems.append(_unknown(key, specs))


def _unknown(key: str, specs: Mapping[str, Spec]) -> Problem:
    near = difflib.get_close_matches(key, specs, n=1)
    hint = f"; did you mean {SECTION}.{near[0]}?" if near else "."
    return Problem(key, f"{SECTION}.{key} is no setting of this version{hint}", Severity.NOTE)


def _keep_paths_out(workspace: dict[str, object], problems: list[Problem]) -> None:
    """A workspace may name one of the user's packs, but not bring its own weights."""
    model = workspace.get("model")
    if isinstance(model, str) and looks_like_path(model):
        del workspace["model"]
        problems.append(
            Problem(
                "model",
                f"{SECTION}.model = {_shown(model)} is a path, and a path is read from initializationOptions only; "
                "give the name of a pack here.",
            )
        )


def looks_like_path(model: str) -> bool:
    """Whether a model is given by its folder instead of its name."""
    return "/" in model or "\\" in model or model.startswith((".", "~"))


def _value(spec: Spec, raw: object, problems: list[Problem]) -> object:
    ok, value = _read(spec, raw)
    if ok:
        return value
    problems.append(
        Problem(
            spec.key,
            f"{SECTION}.{spec.key} = {_shown(raw)} is not allowed: it must be {allowed(spec)}; "
            f"the default, {_shown(spec.default)}, holds.",
        )
    )
    return spec.default


def _read(spec: Spec, raw: object) -> tuple[bool, object]:
    found = [_read_as(spec, kind, raw) for kind in plain_kinds(spec.kind)]
    return next((one for one in found if one[0]), (False, None))


def _read_as(spec: Spec, kind: Any, raw: object) -> tuple[bool, object]:  # noqa: ANN401
    if kind is bool:
        return isinstance(raw, bool), raw
    if kind is int:
        return _read_int(spec, raw)
    if get_origin(kind) is tuple:
        ok = isinstance(raw, list | tuple) and all(isinstance(item, str) for item in raw)
        return ok, tuple(raw) if ok and isinstance(raw, list | tuple) else None
    if not isinstance(raw, str) or not raw.strip():
        return False, None
    if issubclass(kind, StrEnum):
        known = {str(member) for member in kind}
        return raw in known, kind(raw) if raw in known else None
    return True, raw


def _read_int(spec: Spec, raw: object) -> tuple[bool, object]:
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)  # encoders that know only one kind of number write 64.0
    if isinstance(raw, bool) or not isinstance(raw, int):
        return False, None
    low, high = spec.about.minimum, spec.about.maximum
    return (low is None or raw >= low) and (high is None or raw <= high), raw


def plain_kinds(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401  (a type form; Python has no type for those)
    """The types of which a setting's value may be, without None."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(item for item in get_args(kind) if item is not type(None))
    return (kind,)


def allowed(spec: Spec) -> str:
    """What a setting may be, in words."""
    words = " or ".join(_allowed(spec, kind) for kind in plain_kinds(spec.kind))
    return f"{words}, or null for {spec.about.null_means}" if spec.about.null_means else words


def _allowed(spec: Spec, kind: Any) -> str:  # noqa: ANN401
    unit = f" ({spec.about.unit})" if spec.about.unit else ""
    if kind is bool:
        return "true or false"
    if kind is int:
        return f"a whole number from {spec.about.minimum} to {spec.about.maximum}{unit}"
    if get_origin(kind) is tuple:
        return "a list of texts"
    if issubclass(kind, StrEnum):
        members = ", ".join(json.dumps(str(member)) for member in kind)
        return f"one of {members}" if len(kind) > 1 else members
    return "a text that is not empty"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_VALUE_CHARS else text[:SHOWN_VALUE_CHARS] + "…"


def _build(kind: Any, path: tuple[str, ...], values: Mapping[tuple[str, ...], object]) -> Any:  # noqa: ANN401
    given: dict[str, object] = {}
    hints = get_type_hints(kind)
    for item in fields(kind):
        here = (*path, item.name)
        if is_dataclass(hints[item.name]):
            given[item.name] = _build(hints[item.name], here, values)
        elif here in values:
            given[item.name] = values[here]
    return kind(**given)
