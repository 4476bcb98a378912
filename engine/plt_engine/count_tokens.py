"""`python -m plt_engine.count_tokens PACK`: how many tokens a pack makes of each text of a JSON list on standard input.

It loads a tokenizer and no weights, and does not know what the texts are.
"""

import sys
from collections.abc import Sequence

import orjson

from plt_engine.errors import EngineError
from plt_engine.pack import TOKENIZER_FILE, find_pack
from plt_engine.tokenizer import Tokenizer


def main(argv: Sequence[str] | None = None) -> int:
    """Write the counts as a JSON list; returns 1 with one message where the pack has no tokenizer."""
    (pack,) = sys.argv[1:] if argv is None else argv
    try:
        tokenizer = Tokenizer.from_file(find_pack(pack) / TOKENIZER_FILE)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    texts = orjson.loads(sys.stdin.buffer.read())
    sys.stdout.write(orjson.dumps([len(tokenizer.encode(text, follows=True)) for text in texts]).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
