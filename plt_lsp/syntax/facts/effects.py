"""Which calls are certain to reach files, the network or other processes, by the module that brings them.

A call that may do so, or may not, is not listed. It does not know how a name is traced to its module.
"""

import builtins
from collections.abc import Mapping
from types import MappingProxyType

from plt_lsp.syntax.facts.types import Effect

FILES, NETWORK, PROCESSES = Effect.FILES, Effect.NETWORK, Effect.PROCESSES
ALL = "*"

_OS_FILES = (
    "open remove unlink rename replace mkdir makedirs rmdir removedirs link symlink listdir scandir walk stat lstat "
    "chmod chown truncate utime path.exists path.isfile path.isdir path.getsize path.getmtime"
)
_FS = (
    "readFile readFileSync writeFile writeFileSync appendFile appendFileSync unlink unlinkSync mkdir mkdirSync rmdir "
    "rmdirSync rm rmSync readdir readdirSync rename renameSync copyFile copyFileSync stat statSync existsSync open "
    "openSync createReadStream createWriteStream truncate truncateSync access accessSync"
)


def _calls(words: str, effect: Effect) -> dict[str, Effect]:
    return dict.fromkeys(words.split(), effect)


_HTTP = _calls("get post put patch delete head options request", NETWORK)
_NODE_FS = {**_calls(_FS, FILES), **_calls(" ".join(f"promises.{name}" for name in _FS.split()), FILES)}
_NODE_PROCESSES = _calls("exec execSync execFile execFileSync spawn spawnSync fork", PROCESSES)

PYTHON: Mapping[str, Mapping[str, Effect]] = {
    "": {"open": FILES},
    "os": {**_calls(_OS_FILES, FILES), **_calls("system popen execv execvp spawnv fork kill", PROCESSES)},
    "os.path": _calls("exists isfile isdir getsize getmtime", FILES),
    "io": _calls("open", FILES),
    "shutil": _calls("copy copy2 copyfile copytree move rmtree", FILES),
    "tempfile": _calls("mkstemp mkdtemp NamedTemporaryFile TemporaryFile TemporaryDirectory", FILES),
    "glob": _calls("glob iglob", FILES),
    "subprocess": _calls("run call check_call check_output Popen", PROCESSES),
    "socket": _calls("create_connection getaddrinfo gethostbyname", NETWORK),
    "urllib.request": _calls("urlopen urlretrieve", NETWORK),
    "requests": _HTTP,
    "httpx": {**_HTTP, "stream": NETWORK},
}
JAVASCRIPT: Mapping[str, Mapping[str, Effect]] = {
    "": {"fetch": NETWORK},
    "fs": _NODE_FS,
    "fs/promises": _calls(_FS, FILES),
    "http": _calls("get request createServer", NETWORK),
    "https": _calls("get request createServer", NETWORK),
    "axios": {"": NETWORK, **_HTTP},
    "node-fetch": {"": NETWORK},
    "child_process": _NODE_PROCESSES,
}
GO: Mapping[str, Mapping[str, Effect]] = {
    "os": _calls(
        "Open OpenFile Create ReadFile WriteFile Remove RemoveAll Mkdir MkdirAll Rename ReadDir Stat Lstat Chmod", FILES
    ),
    "net/http": _calls("Get Post PostForm Head ListenAndServe ListenAndServeTLS", NETWORK),
    "net": _calls("Dial DialTimeout Listen LookupHost LookupIP", NETWORK),
    "os/exec": {},
}
_SCRIPTS = dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), JAVASCRIPT)
EFFECTS: Mapping[str, Mapping[str, Mapping[str, Effect]]] = MappingProxyType({"python": PYTHON, **_SCRIPTS, "go": GO})
_GLOBALS = (
    "Array Boolean Date Error Map Number Object Promise RangeError RegExp Set String Symbol TypeError URL WeakMap "
    "WeakSet clearInterval clearTimeout decodeURIComponent encodeURIComponent fetch isNaN parseFloat parseInt "
    "queueMicrotask setInterval setTimeout structuredClone"
)
# What a program has without importing it, where nothing in the file takes its name.
BUILTINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "python": frozenset(name for name in dir(builtins) if not name.startswith("_")),
        **dict.fromkeys(_SCRIPTS, frozenset(_GLOBALS.split())),
    }
)


def effect_of(language_id: str, module: str, name: str) -> Effect | None:
    """What calling a module's name reaches, where that is certain.

    Args:
        language_id: as the editor says.
        module: as written in the import, or an empty text for what needs none.
        name: behind the module, with dots; empty where the module itself is called.
    """
    table = EFFECTS.get(language_id, {})
    return table.get(module.removeprefix("node:"), {}).get(name)
