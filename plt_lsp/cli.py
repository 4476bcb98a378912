"""The command line, `plt-lsp`: it finds the command and hands it the rest of the words.

It does not know what a command does, and imports none before it is asked for, so that `serve` starts at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from plt_lsp import __version__
from plt_lsp.engine_command import run_in_engine

Command = Callable[[list[str]], int]


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="plt-lsp",
        description="A language server with a Parallel Loop Transformer inside.",
        epilog="`plt-lsp COMMAND --help` says more.",
    )
    parser.add_argument("--version", action="version", version=f"plt-lsp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, help_text) in COMMANDS.items():
        commands.add_parser(name, help=help_text, add_help=False)
    known, rest = parser.parse_known_args(args)
    command, _ = COMMANDS[known.command]
    return command(rest)


def _serve(args: list[str]) -> int:
    from plt_lsp.serve import main as serve

    return serve(args)


def _complete(args: list[str]) -> int:
    from plt_lsp.complete import main as complete

    return complete(args)


def _context(args: list[str]) -> int:
    from plt_lsp.context_command import main as context

    return context(args)


def _explain(args: list[str]) -> int:
    from plt_lsp.explain_command import main as explain

    return explain(args)


def _demo(args: list[str]) -> int:
    from plt_lsp.demo import main as demo

    return demo(args)


def _doctor(args: list[str]) -> int:
    from plt_lsp.doctor import main as doctor

    return doctor(args)


def _stats(args: list[str]) -> int:
    from plt_lsp.stats import main as stats

    return stats(args)


def _models(args: list[str]) -> int:
    return run_in_engine("plt_engine.cli", ["models", *args])


def _eval(args: list[str]) -> int:
    if args[:1] == ["refactor"]:
        from plt_lsp.evaluation.refactor import main as evaluate_refactorings

        return evaluate_refactorings(args[1:])
    if not any(word.split("=")[0] == "--repository" for word in args):
        return run_in_engine("plt_engine.evaluation.cli", args)
    from plt_lsp.evaluation.command import main as evaluate

    return evaluate(args)


def _diagnose(args: list[str]) -> int:
    return run_in_engine("plt_engine.diagnostics.cli", args)


COMMANDS: dict[str, tuple[Command, str]] = {
    "serve": (_serve, "run the language server on standard input and output"),
    "complete": (_complete, "complete a file at one cursor, through a real server"),
    "context": (_context, "show what the model is shown at one cursor, and why"),
    "explain": (_explain, "explain some lines of a file: facts, and then the model's words"),
    "demo": (_demo, "complete some real files with the model that ships with it"),
    "doctor": (_doctor, "check the installation, the models and one completion"),
    "stats": (_stats, "show what was offered and used on this machine"),
    "models": (_models, "build, add, list, show and calibrate model packs"),
    "eval": (_eval, "measure a model pack on held-out code"),
    "diagnose": (_diagnose, "show what each loop of a model changes, and whether it pays"),
}


if __name__ == "__main__":
    sys.exit(main())
