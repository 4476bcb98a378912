"""The errors that the engine raises, each with a message that names the value and the remedy.

Nothing here knows how an error reaches a user.

    EngineError
    ├── PackError               a model pack cannot be used
    │   ├── PackNotFoundError   no such folder or no such pack
    │   ├── PackFormatError     a file of the pack is malformed
    │   ├── PackHashError       a file differs from the hash in pack.json
    │   └── TensorError         a tensor is missing, unexpected or misshaped
    ├── ConfigError             a checkpoint's config.json asks for something impossible
    ├── LoopCountError          a loop count without evidence was asked for
    ├── RequestError            a generation request cannot be served as asked
    │   └── NoChatError         a question was asked of a pack without a chat format
    └── HostError               the engine process died or broke the protocol
"""


class EngineError(Exception):
    """Base of every error that the engine raises on purpose."""


class PackError(EngineError):
    """A model pack cannot be used."""


class PackNotFoundError(PackError):
    """The named pack is not there."""


class PackFormatError(PackError):
    """A file of the pack is malformed."""


class PackHashError(PackError):
    """A file of the pack differs from its recorded hash."""


class TensorError(PackError):
    """A tensor is missing, unexpected or misshaped."""


class ConfigError(EngineError):
    """A checkpoint's configuration asks for something impossible."""


class LoopCountError(EngineError):
    """A loop count was asked for that the pack has no evidence for."""


class RequestError(EngineError):
    """A generation request cannot be served as asked."""


class NoChatError(RequestError):
    """A question was asked of a pack without a chat format."""


class HostError(EngineError):
    """The engine process died or broke the protocol."""
