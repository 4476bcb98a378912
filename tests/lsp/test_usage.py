"""What becomes of offers: fates inferred from edits alone, told by the editor, and how much of the text stays."""

from collections import Counter

import pytest

from plt_lsp.acceptance import MAX_OFFERS, Place, Tracker
from plt_lsp.documents import Shift, split_lines
from plt_lsp.positions import Cursor
from plt_lsp.statistics import Statistics, latency_class, latency_percentile, read_statistics, to_json
from plt_lsp.stats import main as stats
from plt_lsp.usage import Usage

URI = "file:///a.py"
BEFORE = "def add(a, b):\n    \n"
TEXT = "return a + b"


class Editor:
    """A document, the tracker's owner, and time that passes when it is told to."""

    def __init__(self, folder, text=BEFORE):
        self.statistics = Statistics(folder / "statistics.json")
        self.counts = Counter()
        self.lines = split_lines(text)
        self.due = []
        self.usage = Usage(self.statistics, self.counts, lambda uri: self.lines, lambda s, f: self.due.append((s, f)))

    def offer(self, *texts, line=1, column=4, loops=1, elapsed_ms=100.0):
        place = Place(URI, "python", Cursor(line, column))
        return self.usage.offered(place, loops, texts or (TEXT,), elapsed_ms)

    def insert(self, line, column, text):
        old = self.lines[line]
        new = split_lines(old[:column] + text + old[column:])
        new = new if line == len(self.lines) - 1 else new[:-1]
        self.lines[line : line + 1] = new
        self.usage.changed(URI, self.lines, [Shift(line, line, len(new))])

    def delete(self, line, start, end):
        self.lines[line] = self.lines[line][:start] + self.lines[line][end:]
        self.usage.changed(URI, self.lines, [Shift(line, line, 1)])

    def pass_time(self, seconds):
        for _, function in sorted((due for due in self.due if due[0] <= seconds), key=lambda due: due[0]):
            function()
        self.due = [due for due in self.due if due[0] > seconds]


@pytest.fixture
def editor(tmp_path):
    return Editor(tmp_path)


def test_an_insertion_of_the_whole_text_is_an_acceptance(editor):
    editor.offer()
    editor.insert(1, 4, TEXT)
    assert editor.counts == {"offered": 1, "accepted": 1, "accepted_characters": len(TEXT)}


def test_the_accept_command_counts_once_though_the_edit_is_seen_too(editor):
    (number,) = editor.offer()
    editor.insert(1, 4, TEXT)
    assert not editor.usage.accepted(number)
    (number,) = editor.offer(line=1, column=16)
    assert editor.usage.accepted(number)
    assert not editor.usage.accepted(number)
    assert editor.counts["accepted"] == 2


def test_a_text_typed_by_hand_was_typed_through(editor):
    editor.offer()
    for i, char in enumerate(TEXT):
        editor.insert(1, 4 + i, char)
    assert editor.counts["typed_through"] == 1
    assert editor.counts["typed_through_characters"] == len(TEXT)
    assert "accepted" not in editor.counts


def test_answers_while_typing_through_are_one_offer(editor):
    first = editor.offer()
    for i, char in enumerate(TEXT[:6]):
        editor.insert(1, 4 + i, char)
        assert editor.offer(TEXT[i + 1 :], column=5 + i) == first
    editor.insert(1, 10, TEXT[6:])
    assert editor.counts["offered"] == 1
    assert editor.counts["accepted"] + editor.counts["partly_accepted"] == 1


def test_a_word_of_it_is_a_partial_acceptance(editor):
    editor.offer()
    editor.insert(1, 4, "return")
    editor.insert(1, 10, "\n")
    editor.offer("x", line=2, column=0)
    assert editor.counts["partly_accepted"] == 1
    assert editor.counts["partly_accepted_characters"] == len("return")


def test_what_an_editor_tells_of_a_partial_acceptance_counts(editor):
    (number,) = editor.offer()
    editor.usage.partly_accepted(number, 6)
    editor.offer("y", line=0, column=0)
    assert editor.counts["partly_accepted_characters"] == 6
    (number,) = editor.offer()
    editor.insert(1, 4, "re")
    editor.usage.partly_accepted(number, 4 + 2)  # an editor that counts the indentation, which its item replaces
    editor.offer("y", line=0, column=0)
    assert editor.counts["partly_accepted_characters"] == 6 + 2
    editor.usage.partly_accepted(12345, 3)


def test_another_text_ignores_it_and_backspace_does_not_end_it(editor):
    editor.offer()
    editor.insert(1, 4, "r")
    editor.delete(1, 4, 5)
    editor.insert(1, 4, TEXT)
    assert editor.counts["accepted"] == 1
    editor.offer("more", column=16)
    editor.insert(1, 16, "#")
    editor.offer("other", column=17)
    assert editor.counts["ignored"] == 1


def test_alternatives_to_what_was_taken_are_no_rejections(editor):
    numbers = editor.offer(TEXT, "pass", "raise ValueError")
    assert editor.usage.accepted(numbers[1])
    editor.offer("z", line=0, column=0)
    assert editor.counts == {"offered": 2, "accepted": 1, "accepted_characters": 4}


def test_an_offer_moves_with_the_lines_above_it(editor):
    editor.offer()
    editor.insert(0, 0, "import os\nimport sys\n")
    editor.insert(3, 4, TEXT)
    assert editor.counts["accepted"] == 1


def test_an_offer_that_was_shown_is_counted_once(editor):
    (number,) = editor.offer()
    editor.usage.shown(number)
    editor.usage.shown(number)
    editor.usage.shown(4711)
    assert editor.counts["shown"] == 1


def test_closing_a_document_ends_its_offers(editor):
    editor.offer()
    editor.usage.closed(URI)
    assert editor.counts["ignored"] == 1
    editor.offer()
    editor.insert(1, 4, TEXT)
    editor.usage.closed(URI)
    editor.pass_time(200)
    assert "retained_characters_30s" not in editor.counts


def test_what_is_kept_is_measured_after_half_a_minute_and_after_two(editor):
    editor.offer()
    editor.insert(1, 4, TEXT)
    editor.insert(0, 0, "import os\n\n")
    editor.pass_time(30)
    assert editor.counts["retained_characters_30s"] == len(TEXT)
    editor.delete(3, 4 + len("return a"), 4 + len(TEXT))
    editor.pass_time(120)
    assert editor.counts["retained_characters_120s"] == len("return a")


def test_offers_are_bounded():
    tracker = Tracker()
    for i in range(MAX_OFFERS + 20):
        tracker.offer(Place(f"file:///{i}", "python", Cursor(0, 0)), 1, ["text"])
    assert len(tracker.open) == MAX_OFFERS


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_several_lines_are_followed_with_the_documents_line_ends(tmp_path, eol):
    editor = Editor(tmp_path, BEFORE.replace("\n", eol))
    text = f"total = a + b{eol}    return total"
    editor.offer(text)
    editor.insert(1, 4, text)
    assert editor.counts["accepted_characters"] == len(text)
    editor.pass_time(30)
    assert editor.counts["retained_characters_30s"] == len(text)


def test_what_was_counted_is_written_down_in_time(editor):
    editor.offer()
    editor.pass_time(60)
    assert read_statistics(editor.statistics.file).counts
    editor.insert(1, 4, TEXT)
    editor.pass_time(60)
    assert [c["accepted"] for c in read_statistics(editor.statistics.file).counts.values()] == [1]


def test_counts_of_several_servers_add_up_in_one_file(tmp_path):
    one, two = Editor(tmp_path), Editor(tmp_path)
    for editor in (one, two, one):
        editor.offer(elapsed_ms=40.0)
        editor.insert(1, 4, TEXT)
        editor.statistics.save()
        editor.lines = split_lines(BEFORE)
    (group,) = to_json(read_statistics(tmp_path / "statistics.json"))["groups"]
    assert (group["language"], group["loops"], group["shown"], group["accepted"]) == ("python", 1, 3, 3)
    assert group["acceptedCharacters"] == 3 * len(TEXT)
    assert group["latencyP50Ms"] == latency_class(40.0)


def test_nothing_but_counts_is_stored(tmp_path):
    editor = Editor(tmp_path)
    editor.offer("secret_name = 1")
    editor.insert(1, 4, "secret_name = 1")
    editor.statistics.save()
    stored = (tmp_path / "statistics.json").read_text()
    assert "secret" not in stored
    assert "a.py" not in stored


def test_switched_off_nothing_is_stored(tmp_path):
    editor = Editor(tmp_path)
    editor.usage.is_enabled = False
    editor.offer()
    editor.insert(1, 4, TEXT)
    editor.pass_time(200)
    editor.statistics.save()
    assert not (tmp_path / "statistics.json").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"since": "x", "counts": {}}', '{"since": "2026-01-01", "counts": 3}']
)
def test_a_torn_file_counts_anew_and_is_no_error(tmp_path, content):
    file = tmp_path / "statistics.json"
    file.write_text(content)
    editor = Editor(tmp_path)
    editor.offer()
    editor.statistics.save()
    assert [counts["offered"] for counts in read_statistics(file).counts.values()] == [1]


def test_latency_percentiles_are_known_to_a_tenth():
    counts = Counter(f"latency_ms.{latency_class(ms)}" for ms in range(1, 1001))
    assert 500 <= latency_percentile(counts, 0.5) <= 551
    assert 950 <= latency_percentile(counts, 0.95) <= 1046
    assert latency_percentile({}, 0.5) is None


def test_the_command_prints_a_table_or_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(tmp_path))
    assert stats([]) == 0
    assert "Nothing has been counted yet" in capsys.readouterr().out
    editor = Editor(tmp_path)
    editor.offer(loops=2)
    editor.insert(1, 4, TEXT)
    editor.statistics.save()
    assert stats([]) == 0
    assert "python" in capsys.readouterr().out
    assert stats(["--json"]) == 0
    assert f'"acceptedCharacters": {len(TEXT)}' in capsys.readouterr().out
