"""Refactorings by a scripted model: no bad edit is ever proposed, good ones are, and what the model is asked."""

import pytest

from plt_engine.types import RefactorEvidence
from plt_lsp.positions import Cursor
from plt_lsp.refactor.written.api import Abilities, Problem, offers
from tests.lsp.written_runs import BOTH, CHAT, INFILL, Case, applied, requests, run_all, selection_of

COUNT = """\
import os


def before(value):
    return value


def count(words, least=0, *more):
    # every word
    found = {}
    for word in words:‸
        if word in found:
            found[word] = found[word] + 1
        else:
            found[word] = 1
    return found


def after(value):
    return value
"""
SHELF = """\
class Shelf:
    def add(self, book):‸
        self.books.append(book)
        self.size += 1

    def remove(self, book):
        self.books.remove(book)


def after():
    return Shelf()
"""
TABS = COUNT.replace("    ", "\t")
CRLF = COUNT.replace("\n", "\r\n")
LINES = (
    COUNT.replace("‸", "").replace("    found = {}", "‸    found = {}").replace("= 1\n    return", "= 1‸\n    return")
)
SECRET = COUNT.replace("found = {}", 'password = "hunter2-Xy7Qw9Lm"\n    found = {}')
JS = """\
function total(prices) {‸
  let found = 0;
  for (const price of prices) {
    found = found + price;
  }
  return found;
}

function after(value) {
  return value;
}
"""
SIMPLER = "    # every word\n    found = {}\n    for word in words:\n        found[word] = found.get(word, 0) + 1\n"
GOOD_BODY = SIMPLER + "    return found\n"


def bad(name, kind, document, answer, fault, **fields):
    answers = [answer] if isinstance(answer, str) else [*answer, *answer]  # for both attempts
    return Case(f"{kind}: {name}", kind, document, answers, fault, **fields)


SUMMARY = "Count how often each word occurs."
DOCSTRINGS = [
    bad("empty", "addDocstring", COUNT, "", "wrote nothing"),
    bad("blank", "addDocstring", COUNT, "   \n\n  \n", "wrote nothing"),
    bad("code behind the quotes", "addDocstring", COUNT, 'os.remove("x")', "code in place of words"),
    bad("ends the quotes in its own way", "addDocstring", COUNT, "Count words here.'''\n", "marks of a comment"),
    bad("endless", "addDocstring", COUNT, "and so on " * 3000, "found no end"),
    bad("right to left", "addDocstring", COUNT, "Count \u202eevery word\u202c here.", "cannot be seen"),
    bad("zero width", "addDocstring", COUNT, "Count every\u200b word here.", "cannot be seen"),
    bad("an image", "addDocstring", COUNT, "Count words ![x](http://evil.example/a.png) here.", "address"),
    bad("an image beside", "addDocstring", COUNT, "Count words ![x](a.png) here and there.", "markup"),
    bad("HTML", "addDocstring", COUNT, "Count <b onload=x>all the</b> words.", "markup"),
    bad("a link to a command", "addDocstring", COUNT, "Count [all the words](command:rm).", "address"),
    bad("a link by reference", "addDocstring", COUNT, "Count [all the words] (x) now.", "markup"),
    bad("marks of another language", "addDocstring", COUNT, "/** Count all the words. */", "marks of a comment"),
    bad("marks of a comment", "addDocstring", COUNT, "# Count all the words.", "marks of a comment"),
    bad("a control token", "addDocstring", COUNT, "Count all words.<|im_end|>", "controls a model"),
    bad("a sentinel", "addDocstring", COUNT, "Count all words.<fim_middle> here", "markup|controls a model"),
    bad("no words", "addDocstring", COUNT, "x x x x", "says nothing"),
    bad("a secret", "addDocstring", COUNT, 'Log in with password = "hunter2-Xy7Qw9Lm" and count.', "password or a key"),
    bad(
        "the word for a secret",
        "addDocstring",
        SECRET,
        "Count words with the password redacted.",
        "stands for a secret",
    ),
    bad(
        "in JavaScript ends the comment",
        "addDocstring",
        JS,
        "Adds all prices. */ evil(); /*",
        None,
        language="javascript",
        expected=JS.replace("function total", "/** Adds all prices. */\nfunction total", 1).replace("‸", ""),
    ),
    bad("in JavaScript markup", "addDocstring", JS, "Adds all <img src=x> prices.", "markup", language="javascript"),
    bad(
        "in JavaScript Python's marks",
        "addDocstring",
        JS,
        "# Adds all the prices.",
        "marks of a comment",
        language="javascript",
    ),
]
HINTS = [
    bad("unknown types", "addTypeHints", COUNT, "Word", "No type"),
    bad("prose", "addTypeHints", COUNT, " the words to count", "No type"),
    bad("calls", "addTypeHints", COUNT, " os.system('x')", "No type"),
    bad("a text", "addTypeHints", COUNT, " 'int'", "No type"),
    bad(
        "code behind it",
        "addTypeHints",
        SHELF,
        ["\n        pass", "\n"],
        None,
        expected=SHELF.replace("add(self, book):", "add(self, book) -> None:").replace("‸", ""),
    ),
    bad("nothing", "addTypeHints", COUNT, "", "No type"),
    bad("endless", "addTypeHints", COUNT, " list[" * 5000, "No type"),
    bad(
        "not a type of what is returned",
        "addTypeHints",
        COUNT.replace("return found", "return {}"),
        [" Foo", " Foo", " Foo", " int"],
        "No type",
    ),
    bad(
        "not a type of the default",
        "addTypeHints",
        COUNT.replace("*more", "more=0").replace("words, ", ""),
        [" str", " bytes", " Foo", " str", " bytes", " Foo"],
        "No type",
    ),
]
REWRITTEN = [
    bad("empty", "simplify", COUNT, "", "wrote nothing"),
    bad(
        "unchanged",
        "simplify",
        COUNT,
        COUNT.split("more):\n")[1].split("\n\n\ndef after")[0].replace("‸", ""),
        "changed nothing",
    ),
    bad("breaks syntax", "simplify", COUNT, "    return {word: 1 for word in words", "not be valid"),
    bad(
        "leaves the function",
        "simplify",
        COUNT,
        "    return {}\n\n\ndef after(value):\n    return None\n",
        "also define|would",
    ),
    bad("adds code behind it", "simplify", COUNT, f"{GOOD_BODY}\n\nprint(count)\n", "would"),
    bad(
        "an indentation trick",
        "simplify",
        SHELF,
        "    self.books.append(book)\n\ndef stolen(self):\n    pass\n",
        "would",
    ),
    bad(
        "an indentation trick that takes the next method",
        "simplify",
        SHELF,
        "    self.books.append(book)\nclass B:\n    x = 1",
        "would",
    ),
    bad(
        "deletes a definition",
        "simplify",
        COUNT.replace("def before", "‸def before")
        .replace("words:‸", "words:")
        .replace("found\n\n\ndef after", "found‸\n\n\ndef after"),
        "def count(words, least=0, *more):\n    return {}\n",
        "no longer define",
    ),
    bad("loses what is used behind it", "simplify", LINES, "found_words = {}\n", "no longer"),
    bad("does nothing", "simplify", COUNT, "    pass\n", "no longer"),
    bad("calls another program", "simplify", COUNT, "    os.system('id')\n    return words\n", "would call"),
    bad("runs a text", "simplify", COUNT, "    return eval('words')\n", "would call"),
    bad("an unknown name", "simplify", COUNT, "    return Counter(words)\n", "would call|not defined"),
    bad(
        "is longer",
        "simplify",
        COUNT,
        GOOD_BODY.replace("return found", "return dict(dict(found) or {}) or found or {} or found or found or {}"),
        "no simpler",
    ),
    bad(
        "a fence and prose",
        "simplify",
        COUNT,
        "Sure! Here is the code:\n```python\n    return {}\n```\n",
        "not be valid",
    ),
    bad("a fence of its own", "simplify", COUNT, "~~~python\n    return {}\n~~~\n", "mark of Markdown"),
    bad("endless", "simplify", COUNT, "    found = {}\n" * 4000, "found no end"),
    bad("right to left", "simplify", COUNT, GOOD_BODY.replace("every", "every\u202e"), "cannot be seen"),
    bad("a homely space", "simplify", COUNT, GOOD_BODY.replace("# every", "#\u00a0every"), "cannot be seen"),
    bad("tabs", "simplify", COUNT, GOOD_BODY.replace("    ", "\t"), "indented|not be valid"),
    bad("spaces", "simplify", TABS, GOOD_BODY, "indented with spaces"),
    bad("another width", "simplify", COUNT, GOOD_BODY.replace("        found[", "      found["), "indented otherwise"),
    bad("no indentation", "simplify", COUNT, GOOD_BODY.replace("    ", ""), "not be valid"),
    bad("another language", "simplify", COUNT, "    // count\n    return {}\n", "not be valid"),
    bad("a control token", "simplify", COUNT, GOOD_BODY.replace("every", "<|endoftext|>"), "controls a model"),
    bad("an address", "simplify", COUNT, GOOD_BODY.replace("every", "see ftp://evil.example"), "address"),
    bad(
        "a secret",
        "simplify",
        COUNT,
        '    token = "ghp_0123456789abcdefABCDEF0123456789abcd"\n    return {}\n',
        "password or a key",
    ),
    bad(
        "deep nesting",
        "simplify",
        COUNT,
        "    return " + "(" * 150 + "words" + ")" * 150,
        "not be valid|no longer|would|simpler",
    ),
    bad(
        "JavaScript: a name out of nowhere",
        "simplify",
        JS,
        "  return sum(prices);\n}",
        "does not know",
        language="javascript",
    ),
    bad("JavaScript: a bracket more", "simplify", JS, "  return 0;\n}\n}", "not be valid|would", language="javascript"),
    bad(
        "JavaScript: takes the next function",
        "simplify",
        JS,
        "  return 0;",
        "not be valid|would",
        language="javascript",
    ),
    bad(
        "a comment is lost",
        "fixProblem",
        COUNT.replace("    # every", "    ‸# every")
        .replace("words:‸", "words:")
        .replace("found = {}\n", "found = {}‸\n"),
        "found = dict()\n",
        "lose a comment",
        message="no literals",
    ),
    bad(
        "imports",
        "fixProblem",
        COUNT.replace("words:‸", "words:").replace("    return found", "    return ‸found"),
        "import subprocess; return subprocess.run(found)\n",
        "would call",
        message="undefined name",
    ),
    bad(
        "what nobody asked for",
        "instruct",
        COUNT,
        "def count(words, least=0, *more):\n    os.remove(words)\n",
        "did not ask",
        instruction="make it shorter",
    ),
    bad(
        "another name",
        "instruct",
        COUNT,
        "def counted(words, least=0, *more):\n    return {}\n",
        "no longer define",
        instruction="rename it",
    ),
]
HANDLED = [
    bad("everything", "handleErrors", COUNT, ["", "\n        return {}\n"], "which errors"),
    bad("no error", "handleErrors", COUNT, [" int", "\n        return {}\n"], "no error"),
    bad("the end of the program", "handleErrors", COUNT, [" KeyboardInterrupt", "\n        return {}\n"], "no error"),
    bad("hides it", "handleErrors", COUNT, [" KeyError", "\n        pass\n"], "as if nothing"),
    bad("goes on", "handleErrors", COUNT, [" KeyError", "\n        print(error)\n"], "as if nothing"),
    bad("code in the kinds", "handleErrors", COUNT, [" KeyError: os.system('x')\n", "\n        pass"], "as if nothing"),
    bad(
        "another program",
        "handleErrors",
        COUNT,
        [" KeyError", "\n        os.system('x')\n        raise\n"],
        "would call",
    ),
    bad("an unknown name", "handleErrors", COUNT, [" KeyError", "\n        raise Oops from error\n"], "not defined"),
    bad("broken", "handleErrors", COUNT, [" KeyError", "\n        raise (\n"], "not be valid"),
    bad("endless", "handleErrors", COUNT, [" KeyError", "\n" + "        x = 1\n" * 5000], "as if nothing|no handler"),
    bad(
        "a second handler",
        "handleErrors",
        COUNT,
        [" KeyError", "\n        raise\n    except ValueError:\n        pass\n"],
        None,
        expected="except KeyError as error:\n        raise",
    ),
]
TESTS = [
    bad("empty", "writeTest", COUNT, "", "no test"),
    bad("checks nothing", "writeTest", COUNT, "[]) or True", "does not call|checks nothing", expected=""),
    bad("always so", "writeTest", COUNT, "[]) == count([])", "checks nothing|does not call"),
    bad("another function", "writeTest", COUNT, "[]) == {}\n    assert before(1) == 1", "does not call"),
    bad("another program", "writeTest", COUNT, "[]) == {}\n    os.system('id')", "would call"),
    bad(
        "a second function",
        "writeTest",
        COUNT,
        "[]) == {}\ndef after(): pass",
        None,
        expected="    assert count([]) == {}\n",
    ),
    bad("an import", "writeTest", COUNT, "[]) == {}\n    import socket", "more than to test"),
    bad("an unknown name", "writeTest", COUNT, "nothing) == {}", "not defined"),
    bad("prose", "writeTest", COUNT, " is a test for you", "no test that is valid"),
]
FILES = [
    bad("no secret is given away", "simplify", SECRET, GOOD_BODY, "which the model is not shown"),
    bad("no ability", "simplify", COUNT, GOOD_BODY, "answers no questions", info=INFILL),
    bad("neither", "addDocstring", COUNT, SUMMARY, "neither fill in text nor answer", info={"can_chat": False}),
]
GOOD = [
    Case("docstring", "addDocstring", COUNT, [SUMMARY], expected=f'more):\n    """{SUMMARY}"""\n    # every word'),
    Case(
        "docstring by infilling",
        "addDocstring",
        COUNT,
        [SUMMARY + '"""\n    x'],
        info=INFILL,
        expected=f'more):\n    """{SUMMARY}"""\n    # every word',
    ),
    Case("docstring with tabs", "addDocstring", TABS, [SUMMARY], expected=f'more):\n\t"""{SUMMARY}"""\n\t# every word'),
    Case(
        "docstring with line ends",
        "addDocstring",
        CRLF,
        [SUMMARY],
        expected=f'more):\r\n    """{SUMMARY}"""\r\n    # every word',
    ),
    Case("docstring with a backslash", "addDocstring", COUNT, ["Count words, also by \\d."], expected="also by \\\\d."),
    Case("docstring beside a secret", "addDocstring", SECRET, [SUMMARY], expected=SUMMARY),
    Case(
        "long docstring",
        "addDocstring",
        SHELF,
        ["Put a book on the shelf, " + "and say how many there are, " * 4],
        expected='        """Put a book on the shelf, and say how many there are, and say how many there\n        are',
    ),
    Case(
        "documentation in JavaScript",
        "addDocstring",
        JS,
        ["Adds the prices up."],
        language="javascript",
        expected="/** Adds the prices up. */\nfunction total",
    ),
    Case(
        "hints",
        "addTypeHints",
        COUNT,
        [" list[str], least", " int = 0", " str", " dict[str, int]:"],
        expected="def count(words: list[str], least: int = 0, *more: str) -> dict[str, int]:\n",
    ),
    Case(
        "hints, one does not hold",
        "addTypeHints",
        COUNT,
        [" list[str]", " str", " Words", " dict"],
        expected="def count(words: list[str], least=0, *more) -> dict:\n",
    ),
    Case(
        "hints with line ends",
        "addTypeHints",
        CRLF.replace("words, least", "words,\r\n          least"),
        [" set[str]", "", "", ""],
        expected="def count(words: set[str],\r\n          least=0, *more):\r\n",
    ),
    Case(
        "optional",
        "addTypeHints",
        SHELF.replace("book):‸", "book=None):‸"),
        [" str"],
        expected="def add(self, book: str | None = None) -> None:",
    ),
    Case("simpler", "simplify", COUNT, [GOOD_BODY], expected=f"more):\n{GOOD_BODY}\n\ndef after"),
    Case(
        "simpler with tabs", "simplify", TABS, [GOOD_BODY.replace("    ", "\t")], expected="\t\tfound[word] = found.get"
    ),
    Case("simpler with line ends", "simplify", CRLF, [GOOD_BODY], expected="words:\r\n        found[word] = found.get"),
    Case(
        "simpler lines",
        "simplify",
        LINES,
        ["found = {}\nfor word in words:\n    found[word] = found.get(word, 0) + 1\n"],
        expected="{}\n    for word in words:\n        found[word] = found.get(word, 0) + 1\n    return",
    ),
    Case(
        "simpler JavaScript",
        "simplify",
        JS,
        ["  let found = 0;\n  for (const price of prices) found += price;\n  return found;\n}"],
        language="javascript",
        expected="prices) found += price;\n  return found;\n}\n\nfunction after",
    ),
    Case("repaired", "simplify", COUNT, ["    return (", GOOD_BODY], expected=f"more):\n{GOOD_BODY}\n\ndef after"),
    Case(
        "handled",
        "handleErrors",
        COUNT,
        [" (KeyError, TypeError)", "\n        raise ValueError(words) from error\n"],
        expected="    # every word\n    try:\n        found = {}\n        for word in words:",
    ),
    Case(
        "handled by infilling",
        "handleErrors",
        COUNT,
        [" KeyError as e", "\n        return {}\n"],
        info=INFILL,
        expected="        return found\n    except KeyError as error:\n        return {}\n\n\ndef after",
    ),
    Case(
        "handled with tabs",
        "handleErrors",
        TABS,
        [" KeyError", "\n\t\treturn {}\n"],
        expected="\t\treturn found\n\texcept KeyError as error:\n\t\treturn {}\n",
    ),
    Case(
        "handled beside a secret",
        "handleErrors",
        SECRET,
        [" KeyError", "\n        raise\n"],
        expected='        password = "hunter2-Xy7Qw9Lm"\n',
    ),
    Case(
        "hints beside a secret",
        "addTypeHints",
        SECRET,
        [" list[str]", " int"],
        expected="(words: list[str], least: int",
    ),
    Case("a test beside a secret", "writeTest", SECRET, ["[]) == {}"], expected="assert count([]) == {}"),
    Case(
        "a test",
        "writeTest",
        COUNT,
        ["['a']) == {'a': 1}\n    assert count([]) == {}"],
        expected="\n\n\ndef test_count():\n    assert count(['a']) == {'a': 1}\n    assert count([]) == {}\n",
    ),
    Case(
        "a test with line ends",
        "writeTest",
        CRLF.removesuffix("\r\n"),
        ["[]) == {}"],
        expected="    return value\r\n\r\n\r\ndef test_count():\r\n    assert count([]) == {}\r\n",
    ),
    Case(
        "a fix",
        "fixProblem",
        COUNT.replace("words:‸", "words:").replace("    return found", "    return ‸founds"),
        ["return found\n"],
        message="undefined name 'founds'",
        expected="= 1\n    return found\n\n\ndef after",
    ),
    Case(
        "a fix by infilling",
        "fixProblem",
        COUNT.replace("words:‸", "words:").replace("    return found", "    return ‸founds"),
        ["return found\n"],
        message="undefined name 'founds'",
        info=INFILL,
        expected="= 1\n    return found\n\n\ndef after",
    ),
    Case(
        "a syntax error mended",
        "fixProblem",
        COUNT.replace("in words:‸", "in ‸words"),
        ["for word in words:\n"],
        message="expected ':'",
        expected="    for word in words:\n        if",
    ),
    Case(
        "as asked for",
        "instruct",
        COUNT,
        ["def count(words, least=0, *more):\n    # every word\n    return {w: words.count(w) for w in words}\n"],
        instruction="use a comprehension",
        expected="    return {w: words.count(w) for w in words}\n\n\ndef after",
    ),
]
BAD = [*DOCSTRINGS, *HINTS, *REWRITTEN, *HANDLED, *TESTS, *FILES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


@pytest.fixture(scope="module")
def runs(folder):
    return run_all([*BAD, *GOOD], folder)


@pytest.mark.parametrize("case", [case for case in BAD if case.fault is not None], ids=lambda case: case.name)
def test_no_bad_edit_is_proposed(runs, case):
    writing = runs[case.name]
    assert writing.proposal is None, applied(writing)
    assert writing.outcome == "refused", writing.refusal
    assert any(part in writing.refusal for part in case.fault.split("|")), writing.refusal
    assert writing.num_repairs == (0 if case in FILES else 1)


@pytest.mark.parametrize("case", [*GOOD, *(case for case in BAD if case.fault is None)], ids=lambda case: case.name)
def test_a_good_edit_is_proposed_and_changes_nothing_else(runs, case):
    writing = runs[case.name]
    assert writing.outcome == "proposed", (writing.refusal, writing.fault)
    after, before = applied(writing), writing.selection.snapshot.text
    assert case.expected in after
    assert writing.num_repairs == (case.name == "repaired")
    (document,) = writing.proposal.changes
    (change,) = document.changes
    assert (document.uri, document.version) == ("file:///project/a.py", 3)
    assert (change.start, change.end) == writing.range
    assert change.text == writing.preview
    assert after.endswith(before[before.rindex("after") :]) or case.kind == "writeTest"


def test_what_the_model_is_sent_goes_behind_typing_and_holds_no_secret(runs, folder):
    sent = requests(folder)
    assert {request["priority"] for request in sent} == {1}
    assert {request["kind"] for request in sent} == {"refactor"}
    assert "hunter2" not in str(sent)
    second = [request for request in sent if request["sampling"]["seed"] is not None]
    assert second
    assert {request["sampling"]["seed"] for request in second} == {1}


A = Abilities(can_chat=True, can_infill=True)


def offered(document, abilities=A, language="python", problems=(), uri="file:///project/a.py", **fields):
    return {one.name: one for one in offers(selection_of(document, language, uri), problems, abilities, **fields)}


def test_what_is_offered_where():
    found = offered(COUNT)
    assert list(found) == ["addDocstring", "addTypeHints", "simplify", "handleErrors", "writeTest", "instruct"]
    assert all(one.is_written and one.disabled is None for one in found.values())
    assert {one.kind for one in found.values() if not one.kind.startswith("refactor.rewrite.")} == set()
    problem = Problem("undefined name 'x'", Cursor(10, 0), Cursor(10, 4))
    fix = offered(COUNT, problems=[problem])["fixProblem"]
    assert (fix.kind, fix.title) == ("quickfix", "Fix: undefined name 'x'")
    assert offered("x = 1\n‸\n") == {}
    assert list(offered(JS, language="javascript")) == ["addDocstring", "simplify", "instruct"]
    assert offered("# Title‸\n", language="markdown") == {}
    assert offered("nothing known‸\n", language="cobol") == {}


def test_files_that_keep_secrets_are_offered_nothing():
    assert offered(COUNT, uri="file:///project/credentials") == {}
    assert offered(COUNT, uri="file:///project/a.py")


@pytest.mark.parametrize(
    ("document", "name", "reason"),
    [
        (
            COUNT.replace("    # every", '    """Say."""\n    # every'),
            "addDocstring",
            "`count` has a docstring already.",
        ),
        ("def f(): return‸ 1\n", "addDocstring", "The body of `f` stands on the line of its head."),
        ("def f(a: int) -> int:‸\n    return a\n", "addTypeHints", "`f` has all its type hints already."),
        (SHELF, "writeTest", "`add` cannot be called without what is around it."),
        ("async def f():‸\n    return 1\n", "writeTest", "`f` is asynchronous"),
        (SECRET, "simplify", "holds what looks like a password or a key"),
        (
            COUNT.replace("found = {}", "found = {}\n" + "    x = 'long enough'\n" * 120),
            "simplify",
            "too many for the model",
        ),
        (
            "def f(a):‸\n    return a\n\n\nx = (\n",
            "addTypeHints",
            "The file has a syntax error in line 5; mend it first.",
        ),
        ('def f(a):‸\n    return """x\n"""\n', "handleErrors", "A text over several lines"),
    ],
)
def test_what_cannot_be_done_says_why(document, name, reason):
    found = offered(document)[name]
    assert found.disabled is not None
    assert reason in found.disabled


def test_a_model_that_can_do_less_is_offered_less():
    found = offered(COUNT, Abilities(can_chat=False, can_infill=True))
    assert {name for name, one in found.items() if one.disabled} == {"simplify", "instruct"}
    assert found["simplify"].disabled == "The model answers no questions."
    found = offered(COUNT, Abilities(can_chat=False, can_infill=False))
    assert all(one.disabled for one in found.values())


def test_what_did_not_hold_when_it_was_measured_is_off_with_its_figure():
    evidence = {"simplify": RefactorEvidence(3, 20), "addDocstring": RefactorEvidence(10, 20)}
    abilities = Abilities(True, True, {name: one.valid / one.num_cases for name, one in evidence.items()}, evidence)
    found = offered(COUNT, abilities)
    assert found["simplify"].disabled == "Off for this model: 3 of 20 results were valid."
    assert found["addDocstring"].disabled is None
    assert offered(COUNT, abilities, allow_unproven=True)["simplify"].disabled is None
    bare = Abilities(True, True, {"simplify": 0.2})
    assert offered(COUNT, bare)["simplify"].disabled == "Off for this model: 20% of its results were valid."


def test_looking_for_offers_changes_nothing_and_takes_both_forms():
    assert BOTH != CHAT
    assert offered(COUNT) == offered(COUNT)
