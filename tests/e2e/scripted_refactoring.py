"""A model that always gives the same answer, for refactorings in real editors, and the code that it is asked about.

Everything between the editor and the model is the real thing; what a real model writes changes with the model.
"""

from dataclasses import dataclass
from pathlib import Path

from plt_engine.pack import DATA_DIR_VARIABLE
from tests.lsp.conftest import FACTORY
from tests.lsp.scripted_engine import write_script
from tests.packs import CHAT, tiny_pack

ROOT = Path(__file__).parents[2]
NAME = "smollm2-135m"
CODE = """import re
import os


def total(prices, rate):
    return sum(prices) * (1 + rate)
"""
STATEMENT = "return sum(prices) * (1 + rate)"
ROW = 5
INSTRUCTION = "use the distributive law"
ANSWER = "return sum(prices) + sum(prices) * rate"
PIECE_CHARS, NUM_FREE = 7, 2
BEGINNING = ANSWER[: PIECE_CHARS * NUM_FREE]
REWRITTEN = CODE.replace(STATEMENT, ANSWER)
ORGANISED = CODE.replace("import re\nimport os\n", "import os\nimport re\n")


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """A data folder with one pack, whose model says what it is told to say.

    Attributes:
        data: the data folder.
    """

    data: Path

    @classmethod
    def make(cls, data: Path) -> "ScriptedModel":
        """Make the folder and the pack."""
        model = cls(data)
        tiny_pack(model.pack, name=NAME, chat=CHAT)
        model.answers()
        return model

    @property
    def pack(self) -> Path:
        """The pack's folder."""
        return self.data / "packs" / NAME

    @property
    def words(self) -> list[str]:
        """What is added to the server's command line."""
        return ["--engine-factory", FACTORY]

    @property
    def variables(self) -> dict[str, str]:
        """What is added to the server's environment."""
        packages = ":".join(str(ROOT / folder) for folder in ("", "engine", "kernels"))
        return {DATA_DIR_VARIABLE: str(self.data), "PYTHONPATH": packages}

    def answers(self) -> None:
        """Answer at once."""
        write_script(self.pack, text=f"{ANSWER}\n", info={"can_chat": True})

    def waits(self) -> None:
        """Say the first words of the answer, and the rest when it is told to go on."""
        self.mark.unlink(missing_ok=True)
        script = {"piece_chars": PIECE_CHARS, "free_pieces": NUM_FREE, "wait_for": str(self.mark)}
        write_script(self.pack, text=f"{ANSWER}\n", info={"can_chat": True}, **script)

    @property
    def mark(self) -> Path:
        """The file that lets it go on."""
        return self.data / "go"

    def goes_on(self) -> None:
        """Say the rest."""
        self.mark.touch()
