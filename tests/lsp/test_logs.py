"""The log: a rotated file beside standard error, each line with its request."""

import logging
import re

import pytest

from plt_lsp import logs


@pytest.fixture
def root():
    """The root logger, as it was afterwards."""
    logger = logging.getLogger()
    before, levels = logger.handlers[:], {name: logging.getLogger(name).level for name in ("", "plt_lsp", "pygls")}
    yield logger
    for handler in logger.handlers[:]:
        if handler not in before and isinstance(handler.formatter, logging.Formatter):
            logger.removeHandler(handler)
            handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_lines_name_their_request_and_its_age(tmp_path, root):
    logs.set_up(tmp_path / "deep" / "server.log")
    logger = logging.getLogger("plt_lsp.test")
    logger.info("before")
    with logs.request(7):
        logger.warning("inside")
    logger.info("after")
    lines = (tmp_path / "deep" / "server.log").read_text().splitlines()
    assert [re.search(r"\[(.*?)\]", line)[1].split(" ")[0] for line in lines] == ["-", "7", "-"]
    assert re.search(r"\[7 \+\d+ ms\] plt_lsp\.test: inside$", lines[1])


def test_the_file_is_rotated_and_bounded(tmp_path, root):
    logs.set_up(tmp_path / "server.log")
    logger = logging.getLogger("plt_lsp.test")
    for _ in range(6):
        logger.info("x" * (logs.MAX_FILE_BYTES - 200))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["server.log", *(f"server.log.{i + 1}" for i in range(logs.NUM_OLD_FILES))]


def test_a_file_that_cannot_be_written_is_said_and_done_without(tmp_path, root, capsys):
    (tmp_path / "file").write_text("")
    logs.set_up(tmp_path / "file" / "server.log")
    logging.getLogger("plt_lsp.test").warning("still here")
    err = capsys.readouterr().err
    assert "cannot be written" in err
    assert "still here" in err


def test_the_last_errors_are_read_back(tmp_path, root, monkeypatch):
    monkeypatch.setenv("PLT_LSP_DATA_DIR", str(tmp_path))
    assert logs.last_errors(3) == []
    logs.set_up(None)
    logger = logging.getLogger("plt_lsp.test")
    for i in range(5):
        logger.info("all is well")
        logger.error("fault %d: do this", i)
    assert [error.text for error in logs.last_errors(3)] == [f"fault {i}: do this" for i in (2, 3, 4)]
    assert logs.last_errors(1)[0].level == "ERROR"
