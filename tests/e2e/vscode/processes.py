"""The processes below a process, found in /proc and ended as the system would end them; no editor is known here."""

import os
import signal
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Every process below one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, unseen = [], [pid]
    while unseen:
        below = children.get(unseen.pop(), [])
        found += below
        unseen += below
    return found


def command_line(pid: int) -> list[str]:
    """A process's words, or none where it has ended."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().split("\0")
    except OSError:
        return []


def servers(pid: int) -> list[int]:
    """The language servers below a process."""
    return [one for one in descendants(pid) if {"serve", "--stdio"} <= set(command_line(one))]


def engines(pid: int) -> list[int]:
    """The engine processes below a process."""
    return [one for one in descendants(pid) if "plt_engine.host" in command_line(one)]


def hosts(runtime: Path) -> list[int]:
    """The engine processes that servers with this runtime folder share; they are below no process of an editor."""
    found = [int(one.name) for one in Path("/proc").glob("[0-9]*")]
    return [one for one in found if "plt_engine.host" in command_line(one) and str(runtime) in environment(one)]


def environment(pid: int) -> str:
    """The variables a process was started with, or nothing where it has ended."""
    try:
        return (Path("/proc") / str(pid) / "environ").read_text()
    except OSError:
        return ""


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)
