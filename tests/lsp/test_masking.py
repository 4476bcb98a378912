"""No planted secret reaches a prompt, wherever it stands, and a document that has none is shown as it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.context.masking import masked, masked_snapshot
from plt_lsp.context.prompt import build_prompt, context_of
from plt_lsp.settings import ContextSettings, Settings
from plt_lsp.syntax.frame_cache import FrameCache
from plt_lsp.syntax.tree import SyntaxTree
from tests.lsp.planted import INNOCENT, PLANTED
from tests.lsp.snapshots import CURSOR, snapshot_at

LANGUAGES = {".py": "python", ".js": "javascript", ".ts": "typescript", ".tsx": "typescriptreact", ".go": "go"}
LANGUAGES |= {".rs": "rust", ".java": "java", ".php": "php", ".sh": "shellscript"}
BEFORE, AFTER = "def before():\n    return 1\n\n\n", "\ndef after():\n    return 2\n"
SMALL = Settings(context=ContextSettings(max_prefix_chars=300, max_suffix_chars=120))
BODIES = "".join(f"def f{i}(a):\n    b = a + {i}\n    c = b * b\n    return c\n\n\n" for i in range(30))


def prompt_of(document, language_id="python", settings=None):
    snapshot = snapshot_at(document, settings, language_id)

    def tree():
        found = SyntaxTree.parse(language_id, snapshot.lines)
        return found if isinstance(found, SyntaxTree) else None

    outline = FrameCache().outline_of("b", language_id, snapshot.lines, snapshot.cursor.line, tree)
    context = context_of(snapshot, outline)
    assert context == context_of(snapshot, outline)
    return context.prompt


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text.strip()[:40])
@pytest.mark.parametrize("settings", [None, SMALL], ids=["whole", "long"])
def test_a_planted_secret_reaches_no_prompt_wherever_the_cursor_is(planted, settings):
    text = BEFORE + planted.source + AFTER
    if settings is not None:
        text = BODIES + text + BODIES
    language_id = LANGUAGES[planted.suffix]
    start = text.index(planted.secret)
    end = start + len(planted.secret)
    places = (
        0,
        start - 60,
        start - 1,
        start,
        start + 1,
        (start + end) // 2,
        end - 1,
        end,
        end + 1,
        end + 60,
        len(text),
    )
    for place in places:
        prompt = prompt_of(text[:place] + CURSOR + text[place:], language_id, settings)
        assert planted.secret not in prompt.prefix
        assert planted.secret not in prompt.suffix
        assert planted.secret not in prompt.prefix + prompt.suffix


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text.strip()[:40])
def test_a_secret_that_is_being_typed_reaches_no_prompt(planted):
    head, _, _ = planted.text.partition("{}")
    for end in range(1, len(planted.secret) + 1):
        prompt = prompt_of(f"{BEFORE}{head}{planted.secret[:end]}{CURSOR}\n{AFTER}", LANGUAGES[planted.suffix])
        assert len(prompt.prefix) == len(BEFORE) + len(head) + end
    assert planted.secret not in prompt.prefix


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_is_shown_as_it_is(text):
    for place in range(len(text) + 1):
        prompt = prompt_of(text[:place] + CURSOR + text[place:])
        assert prompt.prefix + prompt.suffix == text


TEXTS = st.lists(
    st.sampled_from([*(planted.source for planted in PLANTED), *INNOCENT, "\r\n", "\n", "İ = 1\n", "é😀"]), max_size=8
).map("".join)


@given(TEXTS, st.data())
def test_every_place_stays_where_it_is(text, data):
    assert len(masked(text)) == len(text)
    assert masked(masked(text)) == masked(text)
    place = data.draw(st.integers(0, len(text)))
    if text[place - 1 : place + 1] == "\r\n":
        return
    snapshot = snapshot_at(text[:place] + CURSOR + text[place:], SMALL)
    shown = masked_snapshot(snapshot)
    assert shown.cursor == snapshot.cursor
    assert list(map(len, shown.lines)) == list(map(len, snapshot.lines))
    ends = [line[len(line.rstrip("\r\n")) :] for line in snapshot.lines]
    assert [line[len(line.rstrip("\r\n")) :] for line in shown.lines] == ends


def test_a_private_key_is_covered_where_its_beginning_is_not_shown():
    body = "".join(f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{i:04}\n" for i in range(200))
    text = f'KEY = """-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----"""\nx = {CURSOR}\n'
    assert "MIIE" not in build_prompt(snapshot_at(text)).prefix
    assert "MIIE" not in prompt_of(text).prefix
    behind = f"x = {CURSOR}\n" + text.replace(CURSOR, "1")
    assert "MIIE" not in build_prompt(snapshot_at(behind)).suffix


def test_a_signature_and_a_notebooks_other_cells_are_covered():
    secret = "t0k3n" + "Value99"
    document = BODIES + f'def login(user, token="{secret}"):\n' + "    pass\n" * 60 + f"\n\ndef last():\n    {CURSOR}\n"
    prefix = prompt_of(document, settings=SMALL).prefix
    assert "login" in prefix
    assert secret not in prefix
    cell = (f'token = "{secret}"\n',)
    part = snapshot_at(f"x = {CURSOR}\n")
    part = type(part)(**{name: getattr(part, name) for name in part.__slots__} | {"lines_before": cell})
    assert secret not in build_prompt(part).prefix
    part = type(part)(**{name: getattr(part, name) for name in part.__slots__} | {"lines_after": cell})
    assert secret not in build_prompt(part).suffix


def test_typing_beside_a_secret_leaves_what_was_shown_as_it_was():
    head = BODIES + 'PASSWORD = "hunter2-' + 'Tr0ub4dor"\n'
    prefixes = [prompt_of(head + "print(PASSWORD)"[:i] + CURSOR + "\n").prefix for i in range(16)]
    assert all(after[:-1] == before for before, after in pairwise(prefixes))
