"""The index kept by a real process over real folders: what it sees, survives and costs."""

import asyncio
import os
import resource
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from plt_engine.pack import DATA_DIR_VARIABLE
from plt_lsp.index import watching
from plt_lsp.index.belonging import Rules
from plt_lsp.index.client import FolderIndex, IndexOptions
from plt_lsp.index.inbox import MAX_DELAY_S, QUIET_S, Batch, Inbox
from plt_lsp.index.messages import Begin, Changed, IndexState, Report, decode_order, decode_report
from plt_lsp.index.places import database_of
from plt_lsp.restart import RestartPolicy
from tests.lsp.waiting import is_alive, until
from tests.lsp.workspaces import generate, write

# Machines that run tests are busy, and who stands back there waits for long.
IN_A_HURRY = IndexOptions(niceness=0)
AT_ONCE = RestartPolicy(first_delay_ms=0, max_delay_ms=0)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))
    folder = tmp_path / "root"
    folder.mkdir()
    return folder.resolve()


@pytest.fixture
async def keep(root):
    """Start an index; every one is closed with the test."""
    started: list[FolderIndex] = []

    def start(folder: Path = root, options: IndexOptions | None = None) -> FolderIndex:
        reports: list[Report] = []
        index = FolderIndex(folder, options or IN_A_HURRY, lambda: reports.append(index.report), AT_ONCE)
        index.reports = reports
        index.start()
        started.append(index)
        return index

    yield start
    for index in started:
        await index.close()


async def until_ready(index: FolderIndex, num_files: int | None = None) -> None:
    def is_ready() -> bool:
        report = index.report
        return report.state is IndexState.READY and (num_files is None or report.num_files == num_files)

    await until(is_ready)


def age(root: Path) -> None:
    """Files that were written just now are looked at once more, in case they are written again in the same moment."""
    for path in root.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))


def paths_of(index: FolderIndex, name: str) -> list[str]:
    return [found.path for found in index.reader.definitions_named(name)]


async def test_from_the_start_to_ready_with_progress(root, keep):
    generate(root, 40)
    index = keep()
    await until_ready(index)
    assert index.report.num_files == 40
    assert paths_of(index, "function_31_2") == ["package_0/module_31.py"]
    scanning = [report for report in index.reports if report.state is IndexState.SCANNING]
    assert all(report.num_total == 40 and report.num_done <= 40 for report in scanning)
    assert [report.num_done for report in scanning] == sorted(report.num_done for report in scanning)


async def test_what_is_saved_made_renamed_and_removed_is_followed(root, keep):
    write(root, {"a.py": "def one(): pass\n", "sub/b.py": "def two(): pass\n"})
    index = keep()
    await until_ready(index)
    assert index.report.is_watching
    write(root, {"sub/b.py": "def changed(): pass\n"})
    await until(lambda: paths_of(index, "changed") == ["sub/b.py"])
    write(root, {"new/deep/c.py": "def three(): pass\n"})
    await until(lambda: paths_of(index, "three") == ["new/deep/c.py"])
    (root / "new").rename(root / "newer")
    await until(lambda: paths_of(index, "three") == ["newer/deep/c.py"])
    write(root, {"newer/deep/d.py": "def four(): pass\n"})
    await until(lambda: paths_of(index, "four") == ["newer/deep/d.py"])
    shutil.rmtree(root / "newer")
    (root / "a.py").unlink()
    await until(lambda: paths_of(index, "three") + paths_of(index, "four") + paths_of(index, "one") == [])
    write(root, {".gitignore": "sub/\n"})
    await until(lambda: paths_of(index, "changed") == [])


async def test_a_switch_of_branches_is_followed(root, keep):
    generate(root, 150)
    index = keep()
    await until_ready(index, 150)
    for i in range(150):
        path = root / f"package_{i // 100}" / f"module_{i}.py"
        if i % 3 == 0:
            path.unlink()
        elif i % 3 == 1:
            path.write_text(f"def other_{i}(): pass\n")
        else:
            (root / "moved").mkdir(exist_ok=True)
            path.rename(root / "moved" / path.name)
    await until_ready(index, 100)
    await until(lambda: paths_of(index, "other_148") == ["package_1/module_148.py"])
    await until(lambda: paths_of(index, "function_149_0") == ["moved/module_149.py"])
    assert paths_of(index, "function_148_0") == []


async def test_a_process_that_is_killed_in_mid_scan_is_started_again_and_goes_on(root, keep):
    age(generate(root, 150))
    index = keep()
    await until(lambda: index.report.state is IndexState.SCANNING and index.report.num_done > 0)
    killed = index.pid
    os.kill(killed, signal.SIGKILL)
    await until_ready(index, 150)
    assert index.pid != killed
    assert len(paths_of(index, "function_149_0")) == 1
    assert paths_of(index, "function_0_0") == ["package_0/module_0.py"]
    last = [report for report in index.reports if report.state is IndexState.SCANNING][-1]
    assert last.num_total < 150


async def test_what_a_run_before_has_read_is_not_read_again(root, keep):
    age(generate(root, 30))
    first = keep()
    await until_ready(first, 30)
    await first.close()
    assert not is_alive(first.pid or -1)
    (root / "package_0" / "module_7.py").unlink()
    write(root, {"added.py": "def added(): pass\n"})
    second = keep()
    await until_ready(second, 30)
    assert second.report.num_done == 1


async def test_a_corrupt_database_is_made_anew(root, keep):
    generate(root, 20)
    database = database_of(root)
    database.parent.mkdir(parents=True)
    database.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    index = keep()
    await until_ready(index, 20)
    assert len(paths_of(index, "function_3_0")) == 1


async def test_a_database_that_breaks_while_it_is_kept_is_made_anew(root, keep):
    generate(root, 40)
    index = keep()
    await until_ready(index, 40)
    pid, database = index.pid, database_of(root)
    for part in ("", "-wal"):
        file = database.with_name(database.name + part)
        with file.open("r+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            for at in range(0, size, 512):
                stream.seek(at)
                stream.write(b"\xff" * 256)
    for i in range(40):
        write(root, {f"package_{i // 100}/module_{i}.py": f"def again_{i}(): pass\n"})
    await until(lambda: len(paths_of(index, "again_39")) == 1 and len(paths_of(index, "again_0")) == 1)
    await until_ready(index, 40)
    assert pid is not None


async def test_two_windows_share_one_index_and_the_second_takes_over(root, keep):
    generate(root, 20)
    first = keep()
    await until_ready(first, 20)
    second = keep()
    await until(lambda: second.report.state is IndexState.WAITING)
    assert len(paths_of(second, "function_3_0")) == 1
    await first.close()
    await until_ready(second, 20)
    write(root, {"added.py": "def added(): pass\n"})
    await until(lambda: paths_of(second, "added") == ["added.py"])


async def test_other_rules_hold_at_once(root, keep):
    write(root, {"a.py": "def one(): pass\n", "b.py": "def two(): pass\n"})
    index = keep()
    await until_ready(index, 2)
    pid = index.pid
    index.configure(replace(IN_A_HURRY, rules=Rules(excluded=("b.py",))))
    await until(lambda: paths_of(index, "two") == [])
    assert paths_of(index, "one") == ["a.py"]
    assert index.pid == pid


async def test_the_process_is_modest_and_ends_when_it_is_closed(root, keep):
    generate(root, 3)
    index = keep(options=IndexOptions(max_memory_mb=300))
    await until_ready(index, 3)
    pid = index.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 15
    assert resource.prlimit(pid, resource.RLIMIT_DATA) == (300_000_000, 300_000_000)
    assert 0 < index.report.max_rss_bytes < 300_000_000
    database = database_of(root)
    assert database.stat().st_mode & 0o077 == 0
    assert database.parent.stat().st_mode & 0o077 == 0
    await index.close()
    assert not is_alive(pid)


async def test_a_process_that_cannot_live_is_given_up(root, keep):
    generate(root, 3)
    index = keep(options=replace(IN_A_HURRY, max_memory_mb=1))
    await until(lambda: index.report.state is IndexState.FAILED)
    assert index.reader.definitions_named("function_1_0") == []
    index.note_changed(["a.py"])
    await index.close()


async def test_a_place_that_cannot_be_written_is_given_up(root, keep, tmp_path):
    (tmp_path / "data").write_text("a file stands where the folder would")
    index = keep()
    await until(lambda: index.report.state is IndexState.FAILED)


PARENT = """
import asyncio, sys
from pathlib import Path
from plt_lsp.index.client import FolderIndex, IndexOptions

async def main():
    index = FolderIndex(Path(sys.argv[1]), IndexOptions(), lambda: print(index.pid, flush=True))
    index.start()
    await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_the_process_ends_with_its_parent(root):
    generate(root, 3)
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(root), stdout=pipe)
    pid = int(await parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: not is_alive(pid))


async def test_an_index_that_nobody_has_used_for_long_goes(root, keep, tmp_path):
    old, used = (database_of(tmp_path / name) for name in ("old", "used"))
    for database in (old, used):
        database.parent.mkdir(parents=True)
        database.write_bytes(b"")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    await until_ready(keep())
    assert not old.parent.exists()
    assert used.exists()


async def test_no_symbolic_link_out_of_the_workspace_is_followed(root, keep, tmp_path):
    outside = write(tmp_path / "outside", {"a.py": "def outside(): pass\n"})
    write(root, {"a.py": "def inside(): pass\n"})
    (root / "link").symlink_to(outside)
    index = keep()
    await until_ready(index, 1)
    (root / "late").symlink_to(outside)
    (root / "late.py").symlink_to(outside / "a.py")
    write(root, {"b.py": "def last(): pass\n"})
    await until(lambda: paths_of(index, "last") == ["b.py"])
    assert paths_of(index, "outside") == []


def test_a_watch_that_does_not_see_all_says_so(root, monkeypatch):
    def used_up(_: Path) -> None:
        raise OSError(28, "no space left on device")

    assert watching.Watch(root, lambda _: True, lambda _: None).start()
    monkeypatch.setattr(watching, "_probe", used_up)
    assert not watching.Watch(root, lambda _: True, lambda _: None).start()


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_changed_paths_are_handed_out_once_it_is_quiet():
    clock = Clock()
    inbox = Inbox(clock)
    inbox.add_paths(["a", "b"])
    inbox.add_paths(["a"])
    assert inbox.take(0) == Batch()
    clock.now_s += QUIET_S
    assert inbox.take(0) == Batch(paths=("a", "b"))
    assert inbox.take(0) == Batch()


def test_where_it_is_never_quiet_they_are_handed_out_all_the_same():
    clock = Clock()
    inbox = Inbox(clock)
    num_taken = 0
    for _ in range(100):
        inbox.add_paths(["a"])
        clock.now_s += QUIET_S / 2
        num_taken += len(inbox.take(0).paths)
    assert num_taken == pytest.approx(100 * QUIET_S / 2 / MAX_DELAY_S, abs=1)


def test_orders_do_not_wait_for_paths():
    inbox = Inbox(Clock())
    inbox.add_paths(["a"])
    inbox.put(Changed(("b",)))
    assert inbox.take(None) == Batch((Changed(("b",)),))
    inbox.end()
    assert inbox.take(None).is_end


@pytest.mark.parametrize("body", [b"", b"{}", b'{"type": "no", "body": {}}', b'{"type": "begin", "body": {"root": 1}}'])
def test_what_is_no_message_is_refused(body):
    with pytest.raises(Exception, match="not an order"):
        decode_order(body)
    with pytest.raises(Exception, match="not a report"):
        decode_report(body)


def test_messages_come_back_as_they_went():
    from plt_lsp.index.messages import encode_order, encode_report

    begin = Begin("/r", "/d", Rules(("*.x",), 1, 2))
    assert decode_order(encode_order(begin)[4:]) == begin
    report = Report(IndexState.READY, 1, 2, 3, True, False, 4)
    assert decode_report(encode_report(report)[4:]) == report
