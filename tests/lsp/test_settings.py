"""Raw JSON to settings: total, exact about what is wrong, and never raising."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.settings import LogLevel, Scope, Settings, TriggerMode, all_specs
from plt_lsp.settings_parser import ClientFeatures, Severity, allowed, parse_client_features, parse_settings

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = [spec.key for spec in all_specs()]


def errors(raw: object, configuration: object = None) -> list[str]:
    _, problems = parse_settings(raw, configuration)
    return [problem.message for problem in problems if problem.severity is Severity.ERROR]


@given(json_values, json_values)
def test_any_json_whatever_yields_settings(initial, configuration):
    settings, _ = parse_settings(initial, configuration)
    assert isinstance(settings, Settings)
    parse_client_features(initial)


@given(st.dictionaries(st.sampled_from(keys), json_values), st.booleans())
def test_a_bad_value_leaves_its_default_and_is_named(raw, is_wrapped):
    settings, problems = parse_settings({"plt": raw} if is_wrapped else raw)
    bad = {problem.key for problem in problems}
    for spec in all_specs():
        value = settings
        for name in spec.path:
            value = getattr(value, name)
        if spec.key in bad or raw.get(spec.key) is None:
            assert value == spec.default
        else:
            given_value = raw[spec.key]
            assert value == (tuple(given_value) if isinstance(given_value, list) else given_value)


def test_defaults():
    assert parse_settings(None) == (Settings(), ())
    assert parse_settings({}) == (Settings(), ())


@pytest.mark.parametrize(
    "raw",
    [
        {"plt": {"inlineCompletion": {"maxTokens": 7, "trigger": "manual"}}},
        {"inlineCompletion": {"maxTokens": 7, "trigger": "manual"}},
        {"plt": {"inlineCompletion.maxTokens": 7.0, "inlineCompletion": {"trigger": "manual"}}},
    ],
)
def test_nested_bare_and_dotted_spellings_are_the_same(raw):
    settings, problems = parse_settings(raw)
    assert problems == ()
    assert settings.inline_completion.max_tokens == 7
    assert settings.inline_completion.trigger is TriggerMode.MANUAL


def test_the_configuration_stands_over_the_initialization_options_key_by_key():
    initial = {"plt": {"enable": False, "logLevel": "debug", "engine": {"threads": 3}}}
    settings, _ = parse_settings(initial, {"enable": True, "engine": {"threads": None}})
    assert (settings.enable, settings.log_level, settings.engine.threads) == (True, LogLevel.DEBUG, 3)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"enable": "yes"}, 'plt.enable = "yes" is not allowed: it must be true or false; the default, true, holds.'),
        (
            {"loops": 0},
            'plt.loops = 0 is not allowed: it must be "auto" or a whole number from 1 to 64; '
            'the default, "auto", holds.',
        ),
        (
            {"logLevel": "loud"},
            'plt.logLevel = "loud" is not allowed: it must be one of "error", "warning", "info", "debug"; '
            'the default, "info", holds.',
        ),
        (
            {"disabledLanguages": ["a", 1]},
            'plt.disabledLanguages = ["a", 1] is not allowed: it must be a list of texts; the default, [], holds.',
        ),
        (
            {"model": " "},
            'plt.model = " " is not allowed: it must be a text that is not empty; the default, "plt-coder-115m", '
            "holds.",
        ),
        ({"inlineCompletion": {"maxTokens": True}}, "plt.inlineCompletion.maxTokens = true is not allowed"),
        ({"inlineCompletion": {"maxTokens": 1.5}}, "plt.inlineCompletion.maxTokens = 1.5 is not allowed"),
        ("all of it", 'plt: settings are an object, not "all of it"; the defaults hold.'),
    ],
)
def test_a_problem_names_key_value_range_and_default(raw, message):
    (found,) = errors(raw)
    assert found.startswith(message)


def test_an_unknown_key_is_a_note_with_the_nearest_one():
    settings, (problem,) = parse_settings({"plt": {"inlineCompletion": {"maxToken": 3}}})
    assert settings == Settings()
    assert problem.severity is Severity.NOTE
    assert problem.message == (
        "plt.inlineCompletion.maxToken is no setting of this version; did you mean plt.inlineCompletion.maxTokens?"
    )


def test_a_section_that_is_no_object_is_a_note():
    _, (problem,) = parse_settings({"inlineCompletion": 5})
    assert (problem.key, problem.severity) == ("inlineCompletion", Severity.NOTE)


@pytest.mark.parametrize("path", ["/weights/pack", "./pack", "~/pack", "..", "a/b", "C:\\pack"])
def test_a_workspace_may_name_a_pack_but_not_bring_one(path):
    settings, problems = parse_settings({"model": "mine"}, {"model": path})
    assert settings.model == "mine"
    assert [problem.key for problem in problems] == ["model"]
    assert parse_settings({"model": path})[0].model == path
    assert parse_settings({"model": "mine"}, {"model": "other"})[0].model == "other"


def test_a_long_value_is_shortened_in_its_message():
    (message,) = errors({"enable": "x" * 5000})
    assert len(message) < 400


@pytest.mark.parametrize(
    ("raw", "features"),
    [
        ({"plt": {"capabilities": {"inlineCompletionProgress": True}}}, ClientFeatures(True, False)),
        ({"capabilities": {"completionReport": True}}, ClientFeatures(False, True)),
        ({"plt": {"capabilities": {"completionReport": "true"}}}, ClientFeatures()),
        ({"plt": {"capabilities": True}}, ClientFeatures()),
        (None, ClientFeatures()),
    ],
)
def test_what_a_client_announces(raw, features):
    assert parse_client_features(raw) == features
    assert parse_settings(raw) == (Settings(), ()) or raw == {"plt": {"capabilities": True}}


def test_every_setting_says_all_that_is_needed_to_describe_it():
    for spec in all_specs():
        assert spec.about.doc.endswith(".")
        assert isinstance(spec.about.scope, Scope)
        assert allowed(spec)
        _, problems = parse_settings({spec.key: spec.default})
        assert problems == ()
