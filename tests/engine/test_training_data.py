"""The recipe's data: formats round-trip, cuts, windows, sources, near-duplicates, decontamination and replay."""

from collections import Counter, deque
from importlib import metadata
from itertools import islice
from random import Random

import pytest
import torch

from plt_engine.loader import load_weights
from plt_engine.model import full_forward, logits
from plt_engine.pack import Pack
from plt_engine.tokenizer import Tokenizer
from plt_engine.training import replay
from plt_engine.training.cuts import CUTS, choose_span
from plt_engine.training.documents import FimFormatter, end_id, pieces, plain_document
from plt_engine.training.duplicates import HeldOutRuns, run_hashes, without_near_duplicates
from plt_engine.training.manifest import ManifestError, is_allowed, read_manifest
from plt_engine.training.sources import SourceFile, looks_generated, wanted_file, without_licence_header
from plt_engine.training.vocabulary import FIM, choose_ids, cut_tokenizer
from plt_engine.training.windows import WindowPacker, read_windows, write_windows
from tests.packs import CORPUS, tiny_pack, tiny_tokenizer

RENAMED = {
    "<|fim_prefix|>": "<fim_prefix>",
    "<|fim_suffix|>": "<fim_suffix>",
    "<|repo_name|>": "<repo_name>",
    "<|file_sep|>": "<file_sep>",
}
TYPESCRIPT = """export function area(width: number, height: number): number {
  const product = width * height;
  return Math.round(product, 2);
}
"""


PLAIN_FUNCTION = '''def count_words(text, minimum=1):
    """Words that occur at least so often."""
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return {word: count for word, count in counts.items() if count >= minimum}


'''


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(tiny_document())


def tiny_document():
    document = tiny_tokenizer()
    return cut_tokenizer(document, range(10**6), RENAMED)


def source(text: str, path: str = "a.py", language: str = "python") -> SourceFile:
    return SourceFile("demo", path, language, text)


def parts_of(ids: list[int], tokenizer: Tokenizer) -> tuple[list[int], str, str]:
    """What stands before the suffix's sentinel, the suffix, and prefix with middle, without the end token."""
    suffix_at, prefix_at = (ids.index(tokenizer.special_id(token)) for token in (FIM.suffix, FIM.prefix))
    assert suffix_at < prefix_at
    assert ids[-1] == end_id(tokenizer)
    return ids[:suffix_at], tokenizer.decode(ids[suffix_at + 1 : prefix_at]), tokenizer.decode(ids[prefix_at + 1 : -1])


def test_a_fim_document_holds_the_whole_piece_suffix_first(tokenizer):
    formatter = FimFormatter(tokenizer, 2000)
    with_suffix = 0
    for seed in range(200):
        document = formatter.document(source(CORPUS), CORPUS, (), Random(seed))
        before, suffix, rest = parts_of(document, tokenizer)
        assert before == []
        if suffix:
            with_suffix += 1
            assert rest + suffix == CORPUS
        else:
            assert CORPUS.startswith(rest)
    assert with_suffix > 150


def test_other_files_come_first_in_the_servers_own_format(tokenizer):
    formatter = FimFormatter(tokenizer, 2000)
    files = [source(CORPUS), source(CORPUS, "b.py"), source(CORPUS, "c.py")]
    headers = [
        tokenizer.decode(parts_of(document, tokenizer)[0])
        for seed in range(60)
        for document in formatter.documents(files[0], files[1:], Random(seed))
    ]
    carrying = [header for header in headers if header]
    assert 0 < len(carrying) < len(headers)
    assert all(header.startswith("demo\n") and header.endswith("a.py\n") for header in carrying)
    assert any("b.py\n" in header for header in carrying)


def test_a_document_never_exceeds_its_limit_and_keeps_its_end(tokenizer):
    formatter = FimFormatter(tokenizer, 96)
    for seed in range(60):
        for document in formatter.documents(source(CORPUS * 3), [source(CORPUS, "b.py")], Random(seed)):
            assert len(document) <= 96


def test_pieces_are_consecutive_and_cover_the_text():
    text = CORPUS * 40
    found = list(pieces(text, 256, Random(3)))
    assert text.startswith("".join(found))
    assert len(text) - sum(map(len, found)) < 256 * 3
    assert max(map(len, found)) < 256 * 3 + 100


@pytest.mark.parametrize(("text", "language"), [(CORPUS, "python"), (TYPESCRIPT, "typescript"), ("# Title\n", "text")])
def test_every_cut_is_inside_the_text_and_not_empty(text, language):
    for seed in range(200):
        span = choose_span(text, language, Random(seed))
        assert 0 <= span.start < span.end <= len(text)


def test_cuts_follow_lines_and_the_syntax_tree():
    rng = Random(0)
    line = CUTS["rest_of_line"][0](CORPUS, "python", rng)
    assert CORPUS[line.end] == "\n"
    block = CUTS["block_body"][0](TYPESCRIPT, "typescript", rng)
    assert TYPESCRIPT[block.start - 1] == "{"
    assert TYPESCRIPT[block.end] == "}"
    arguments = {TYPESCRIPT[s.start : s.end] for s in (CUTS["call_arguments"][0](TYPESCRIPT, "typescript", Random(i))
                 for i in range(40))}  # fmt: skip
    assert {"product, 2", "width: number, height: number"} <= arguments
    assert all(")" not in text for text in arguments)


def test_cuts_count_characters_not_bytes():
    text = 'def f():\n    print("žluťoučký kůň", "🐎")\n'
    for seed in range(100):
        span = CUTS["call_arguments"][0](text, "python", Random(seed))
        assert text[span.end] == ")"


def test_a_cut_vocabulary_tokenises_what_it_can_as_before():
    document = tiny_tokenizer(fim=False)
    whole, cut = Tokenizer(document), Tokenizer(cut_tokenizer(document, range(280), {}))
    assert cut.vocab_size == 280
    assert cut.decode(cut.encode(CORPUS)) == CORPUS
    assert len(cut.encode(CORPUS)) > len(whole.encode(CORPUS))
    kept = [i for i in whole.encode(CORPUS) if i < 280]
    assert set(kept) <= set(cut.encode(CORPUS))


def test_the_vocabulary_keeps_what_the_text_uses_and_what_that_is_merged_of():
    document = tiny_tokenizer(fim=False)
    whole = Tokenizer(document)
    used = Counter(whole.encode("def area(width, height):\n    return width * height\n" * 3))
    kept = choose_ids(document, used, whole.vocab_size)
    assert used.keys() <= set(kept)
    assert len(kept) < whole.vocab_size
    cut = Tokenizer(cut_tokenizer(document, frozenset(kept), {}))
    assert cut.vocab_size == len(kept)
    again = cut.encode("def area(width, height):\n    return width * height\n" * 3)
    assert [kept[i] for i in again] == whole.encode("def area(width, height):\n    return width * height\n" * 3)
    assert cut.decode(cut.encode(CORPUS)) == CORPUS
    few = choose_ids(document, used, len(kept) - 3)
    assert len(few) <= len(kept) - 3
    assert set(few) < set(kept)
    with pytest.raises(ValueError, match="no room"):
        choose_ids(document, used, 10)


def test_a_cut_vocabulary_without_its_sentinels_is_refused():
    with pytest.raises(ValueError, match="<fim_prefix>"):
        cut_tokenizer(tiny_tokenizer(fim=False), range(10**6), RENAMED)


def test_windows_are_full_half_and_half_and_never_cut_a_whole_document(tmp_path):
    rng = Random(0)
    whole = deque([7, *[1] * rng.randint(20, 90), 9] for _ in range(300))
    running = deque([2] * rng.randint(50, 900) for _ in range(60))
    lengths = [len(document) for document in whole]
    rows = list(WindowPacker(100, whole, running).rows())
    assert {len(row) for row in rows} == {100}
    num_whole = sum(id_ != 2 for row in rows for id_ in row)
    assert num_whole / (100 * len(rows)) == pytest.approx(0.5, abs=0.02)
    found = [len(part) for row in rows for part in documents_in(row)]
    assert found == lengths[: len(found)]
    write_windows(tmp_path / "windows.npy", rows, seed=1)
    read = read_windows(tmp_path / "windows.npy")
    assert sorted(map(tuple, read.tolist())) == sorted(map(tuple, rows))


def documents_in(row: list[int]) -> list[list[int]]:
    starts, ends = ([i for i, id_ in enumerate(row) if id_ == mark] for mark in (7, 9))
    return [row[start : end + 1] for start, end in zip(starts, ends, strict=True)]


def test_the_manifest_is_sound():
    manifest = read_manifest()
    assert len(manifest.held_out) >= 12
    assert sum(package.registry == "npm" for package in manifest.held_out) >= 3
    assert len({package.sha256 for package in (*manifest.packages, *manifest.held_out)}) == len(
        manifest.packages
    ) + len(manifest.held_out)


@pytest.mark.parametrize(
    ("licence", "allowed"), [("MIT", True), ("MIT OR GPL-3.0", True), ("MIT AND GPL-3.0", False), ("MPL-2.0", False)]
)
def test_licences_are_read_as_expressions(licence, allowed):
    assert is_allowed(licence, frozenset(("MIT", "Apache-2.0"))) is allowed


def test_a_package_cannot_be_trained_on_and_held_out(tmp_path):
    line = '{ registry = "pypi", name = "x", version = "1", licence = "MIT", file = "x.whl", sha256 = "0" }'
    path = tmp_path / "manifest.toml"
    path.write_text(
        f'allowed_licences = ["MIT"]\nstdlib = {{ name = "s", version = "1", licence = "MIT" }}\ninstalled = []\n'
        f"packages = [{line}]\nheld_out = [{line}]\n"
    )
    with pytest.raises(ManifestError, match="x: trained on and held out"):
        read_manifest(path)


@pytest.mark.parametrize(
    "path", ["pkg/_vendor/a.py", "pkg/tests/a.py", "a.min.js", "types/index.d.ts", "pkg/a_pb2.py", "a.bin", "dist/a.js"]
)
def test_vendored_tested_and_generated_files_are_dropped_by_name(path):
    assert wanted_file("demo", path, CORPUS.encode() * 3) is None
    assert wanted_file("demo", "pkg/a.py", CORPUS.encode() * 3) is not None


def test_generated_files_are_dropped_by_content():
    assert looks_generated("# Generated by a tool, do not edit\n" + CORPUS, "python")
    assert looks_generated("x=[" + "1,2,3," * 500 + "]\n", "python")
    assert not looks_generated(CORPUS, "python")


def test_licence_headers_go_and_other_comments_stay():
    header = "# Copyright 2020 Somebody\n# Licensed under Apache\n\n"
    assert without_licence_header(header + CORPUS) == CORPUS
    assert without_licence_header("# What this does.\n" + CORPUS) == "# What this does.\n" + CORPUS
    assert without_licence_header("/** @license MIT */\nlet a = 1;\n") == "let a = 1;\n"


def varied(seed: int, lines: int = 60) -> str:
    rng = Random(seed)
    return "".join(
        f"name_{rng.randrange(999)} = call_{rng.randrange(999)}({rng.randrange(99)})\n" for _ in range(lines)
    )


def test_near_duplicates_go_and_different_files_stay():
    changed = varied(1).replace("name_", "name_", 1) + "last = 1\n"
    files = [source(varied(1), "a.py"), source(changed, "b.py"), source(varied(2), "c.py")]
    assert [file.path for file in without_near_duplicates(files)] == ["a.py", "c.py"]


def test_files_that_share_a_long_run_with_held_out_text_are_found(tokenizer):
    secret, own = varied(3, 12), varied(4, 30)
    runs = HeldOutRuns([tokenizer.encode(varied(5) + secret + varied(6))])
    assert runs.shares_run(tokenizer.encode(own + secret + varied(7)))
    assert not runs.shares_run(tokenizer.encode(own))
    assert not runs.shares_run(tokenizer.encode(own + secret[:40]))


def test_run_hashes_depend_on_the_run_alone():
    ids = [Random(i).randrange(16_000) for i in range(300)]
    hashes = run_hashes(ids)
    assert len(hashes) == 300 - 64 + 1
    assert run_hashes(ids[50:114]).tolist() == [hashes[50]]
    assert len(set(hashes.tolist())) == len(hashes)
    assert run_hashes(ids[:63]).size == 0


def test_plain_documents_are_the_text_and_its_end(tokenizer):
    ids = plain_document(source(CORPUS), tokenizer)
    assert tokenizer.decode(ids[:-1]) == CORPUS
    assert ids[-1] == end_id(tokenizer)


def test_conversations_have_the_bases_own_form(tokenizer):
    ids = replay.chat_ids("Why?", "So.", tokenizer)
    start, end = (tokenizer.special_id(token) for token in ("<|im_start|>", "<|im_end|>"))
    assert [i for i in ids if i in (start, end)] == [start, end, start, end, start, end]
    assert tokenizer.decode(ids) == f"system\n{replay.SYSTEM}\nuser\nWhy?\nassistant\nSo."
    assert ids[: len(replay.chat_ids("Why?", None, tokenizer))] == replay.chat_ids("Why?", None, tokenizer)


def test_questions_are_the_seeds_and_about_whole_functions():
    files = [source(PLAIN_FUNCTION * 3), source(TYPESCRIPT, "a.ts", "typescript"), source("# Title", "a.md", "text")]
    first, again = (list(islice(replay.questions(files, 1), 8)) for _ in range(2))
    assert first == again
    assert first != list(islice(replay.questions(files, 2), 8))
    assert {question.partition("```")[2].partition("\n")[0] for question, _ in first} == {"python", "typescript"}
    assert all(question.endswith("\n```") for question, _ in first)


def test_replay_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "BATCH_SIZE", 2)
    pack = tiny_pack(tmp_path / "pack", loops=1)
    files = [source(PLAIN_FUNCTION)]
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    assert fill_replay(pack, files, whole, 1800) >= 1800
    for wanted in (1000, 1800):
        fill_replay(pack, files, parts, wanted)
    assert parts.read_text() == whole.read_text()
    assert len({item.seed for item in replay.read_replay(whole)}) == len(replay.read_replay(whole)) > 2


def test_the_replays_model_is_the_pack_with_and_without_padding(tmp_path):
    pack = tiny_pack(tmp_path / "pack", loops=1)
    weights, model = load_weights(pack.folder), replay.reference_model(pack.folder)
    ids = torch.randint(3, weights.config.vocab_size, (2, 24))
    expected = logits(weights, full_forward(weights, ids, 1)[0])
    torch.testing.assert_close(model(ids).logits, expected, rtol=1e-4, atol=1e-4)
    padded, mask = torch.cat((ids.new_zeros(2, 7), ids), 1), torch.ones(2, 31, dtype=torch.long)
    mask[:, :7] = 0
    positions = (mask.cumsum(1) - 1).clamp(0)
    found = model(padded, attention_mask=mask, position_ids=positions).logits[:, 7:]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def fill_replay(pack: Pack, files: list[SourceFile], out, num_tokens: int) -> int:
    totals = [0]
    replay.generate_replay(pack.folder, files, out, num_tokens, 0, totals.append)
    return totals[-1]


def test_replay_documents_repeat_up_to_their_share_and_leave_out_the_held_out(tokenizer):
    exchanges = [replay.Exchange(f"q{i}", "a" * i, i) for i in range(30)]
    documents = list(replay.replay_documents(exchanges, tokenizer, 9000, 150))
    assert 9000 <= sum(map(len, documents)) < 9150
    assert max(map(len, documents)) <= 150
    assert len({tuple(ids) for ids in documents}) < len(documents)
    texts = {tokenizer.decode(ids) for ids in documents}
    assert not any("user\nq10\n" in text or "user\nq20\n" in text for text in texts)
    with pytest.raises(ValueError, match="None of 30"):
        list(replay.replay_documents(exchanges, tokenizer, 9000, 20))


def test_every_package_that_is_read_where_it_is_installed_is_installed_with_the_recipe():
    assert [item.name for item in read_manifest().installed if not list(metadata.files(item.name) or ())] == []
