"""What others use of the refactorings that a model writes.

It does not know the protocol; `plt_lsp.features` speaks it.
"""

from plt_lsp.refactor.written.kinds import Abilities, abilities_of, offers
from plt_lsp.refactor.written.rewriting import Problem
from plt_lsp.refactor.written.writing import Writing

__all__ = ["Abilities", "Problem", "Writing", "abilities_of", "offers"]
