"""Secrets in texts and in files' names: where they are, and the text without them.

These are pure rules over names, shapes and randomness. A text keeps its lines, so that rows mean what they meant; what
is done with it is not known here.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import log2

from plt_lsp.exclusions import is_excluded

REDACTED = "redacted"

# Nobody writes code in files of these names, and what is in them is a secret or leads to one.
SECRET_FILES = (
    *(".env", ".env.*", "*.env", ".envrc", "*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.*"),
    *("*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.pkcs12", "*.jks", "*.keystore", "*.kdb", "*.kdbx", "*.ppk"),
    *("*.crt", "*.cer", "*.der", "*.p7b", "*.p7c", "*.asc", "*.gpg", "*.pgp", "*.ovpn", "*.mobileprovision"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519", "authorized_keys", "known_hosts"),
    *(".netrc", "_netrc", ".npmrc", ".yarnrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials"),
    *(".dockercfg", ".s3cfg", ".boto", ".vault-token", "credentials", "*.secret", "*.secrets"),
    *("credentials.json", "credentials.toml", "credentials.y*ml", "credentials.ini", "credentials.xml"),
    *("secrets.json", "secrets.toml", "secrets.y*ml", "secrets.ini", "secrets.xml", "secret.y*ml", "secret.json"),
    *("client_secret*.json", "service-account*.json", "service_account*.json", "*-credentials.json", "wallet.dat"),
    *("**/.aws/**", "**/.azure/**", "**/.gnupg/**", "**/.kube/**", "**/.ssh/**", "**/.docker/config.json"),
)


class SecretKind(StrEnum):
    """What a secret is, which is all that may be said of it."""

    PRIVATE_KEY = "private_key"
    TOKEN = "token"
    URL_PASSWORD = "url_password"
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True)
class Secret:
    """A stretch of a text that is secret, in characters."""

    start: int
    end: int
    kind: SecretKind


def is_secret_file(path: str) -> bool:
    """Whether a file is secret by its name, or by the folder that it is in.

    Args:
        path: with `/`, as far as it is known.
    """
    return is_excluded(path, SECRET_FILES)


def redacted(text: str) -> str:
    """The text with every secret replaced by a word; its lines stay as many as they were."""
    parts, end = [], 0
    for secret in find_secrets(text):
        parts += [text[end : secret.start], _replacement(text[secret.start : secret.end])]
        end = secret.end
    return "".join([*parts, text[end:]]) if parts else text


def find_secrets(text: str) -> list[Secret]:
    """Every secret of a text, in order; none overlaps another."""
    found: list[Secret] = []
    for secret in sorted(_candidates(text), key=lambda secret: (secret.start, -secret.end)):
        if not found or secret.start >= found[-1].end:
            found.append(secret)
    return found


def _replacement(secret: str) -> str:
    """The word, and the line ends that the secret had."""
    return REDACTED + "".join(re.findall(r"\r\n|\r|\n", secret))


def _candidates(text: str) -> Iterator[Secret]:
    yield from private_keys(text)
    yield from _tokens(text)
    yield from _url_passwords(text)
    yield from _assigned(text)


# The block may be cut off, and a string may hold it in one line with escaped line ends.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?P<body>.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY|\Z)", re.DOTALL
)


def private_keys(text: str) -> Iterator[Secret]:
    """The bodies of private keys, which may go over many lines."""
    if "PRIVATE KEY" in text:
        for match in _PRIVATE_KEY.finditer(text):
            if match["body"].strip():
                yield Secret(*match.span("body"), SecretKind.PRIVATE_KEY)


# What each kind of token must hold, so that most texts are searched for that alone, and its shape.
_TOKENS = (
    (("AKIA", "ASIA", "ABIA", "ACCA"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
    (("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{20,}"),
    (("glpat-", "gldt-", "glrt-", "glptt-"), r"\bgl(?:pat|dt|rt|ptt)-[\w-]{20,}"),
    (("xox", "xapp-"), r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}"),
    (("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{20,}"),
    (("_live_", "_test_", "whsec_"), r"\b(?:[prs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}"),
    (("AIza",), r"\bAIza[\w-]{35}"),
    (("ya29.", "GOCSPX-"), r"\b(?:ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})"),
    (("sk-",), r"\bsk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}"),
    (("hf_", "npm_", "dop_v1_", "doo_v1_", "dor_v1_"), r"\b(?:hf_|npm_|do[opr]_v1_)[A-Za-z0-9]{30,}"),
    (("pypi-",), r"\bpypi-[\w-]{40,}"),
    (("SG.",), r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    (("eyJ",), r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),
    (("shpat_", "shpca_", "shppa_", "shpss_"), r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}\b"),
    (("AccountKey=", "SharedAccessKey="), r"(?<=AccountKey=)[A-Za-z0-9+/]{40,}={0,2}"),
    (("SharedAccessKey=",), r"(?<=SharedAccessKey=)[A-Za-z0-9+/]{40,}={0,2}"),
    (("AGE-SECRET-KEY-",), r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    (("hvs.", "hvb."), r"\bhv[sb]\.[\w-]{20,}"),
    (("dapi",), r"\bdapi[a-f0-9]{32}\b"),
    (("lin_api_", "ATATT3", "figd_", "sntrys_"), r"\b(?:lin_api_|ATATT3|figd_|sntrys_)[\w=-]{20,}"),
    (("Bearer ", "bearer ", "Basic "), r"\b(?:[Bb]earer|Basic) +(?P<secret>(?=[\w+/.~-]*\d)[\w+/.~-]{20,}={0,2})"),
    ((":AA",), r"\b\d{8,10}:AA[\w-]{32,}"),
)
_COMPILED_TOKENS = tuple((hints, re.compile(pattern)) for hints, pattern in _TOKENS)


def _tokens(text: str) -> Iterator[Secret]:
    for hints, pattern in _COMPILED_TOKENS:
        if any(hint in text for hint in hints):
            for match in pattern.finditer(text):
                span = match.span("secret") if "secret" in pattern.groupindex else match.span()
                yield Secret(*span, SecretKind.TOKEN)


_URL_PASSWORD = re.compile(r"://[^\s/:@\"'<>]*:(?P<secret>[^\s/@\"'<>]{3,})@[\w\[]")


def _url_passwords(text: str) -> Iterator[Secret]:
    if "://" in text and "@" in text:
        for match in _URL_PASSWORD.finditer(text):
            if not _stands_for_another(match["secret"]):
                yield Secret(*match.span("secret"), SecretKind.URL_PASSWORD)


_KEYS = ("access", "account", "api", "encryption", "license", "master", "private", "shared", "signing", "storage")
# Words of secret-like names, in small letters, each with what makes it part of another word where that follows.
_SECRET_WORDS = (
    *(("password", ""), ("passwd", ""), ("passphrase", ""), ("pwd", ""), ("secret", ""), ("credential", "")),
    *(("token", "i"), ("auth", "or"), ("salt", ""), ("webhook", "")),
    *((f"{kind}{mark}key", "") for kind in _KEYS for mark in ("", "_", "-", ".")),
)
MAX_NAME_CHARS = 80
MAX_ASSIGNMENT_CHARS = 560
_NAME_BEFORE = re.compile(r"[\w.$-]*\Z")
# A name, perhaps in quotes or brackets, perhaps with a type; what binds it; and a text, in quotes or all of the line.
_ASSIGNMENT = re.compile(
    r"[\w.$-]+[\"'\]]*[ \t]*(?::[ \t]*[\w.\[\]<>&|?' ]{1,40}?(?==))?(?:=>|:=|\|\|=|==?=?|!==?|:|,|\()[ \t]*"
    r"(?:[bfrBFR]{0,2}(?P<quote>[\"'`])(?P<quoted>(?:\\.|(?!(?P=quote))[^\r\n\\]){6,400})(?P=quote)"
    r"|(?P<bare>[^\s\"'`,;(){}\[\]]{8,400})[ \t]*(?:[#;][^\r\n]*)?(?=[\r\n]|\Z)"
    r"|(?<==)(?P<word>[^\s\"'`,;(){}\[\]]{8,400})(?=\s))"
)


def _assigned(text: str) -> Iterator[Secret]:
    """Strings that look random behind names that look secret; only what stands around such a name is looked at."""
    for start in _secret_words(text):
        head = _NAME_BEFORE.search(text, max(0, start - MAX_NAME_CHARS), start)
        assert head is not None
        match = _ASSIGNMENT.match(text, head.start(), start + MAX_ASSIGNMENT_CHARS)
        secret = None if match is None else _of_assignment(match)
        if secret is not None:
            yield secret


def _secret_words(text: str) -> Iterator[int]:
    """Where the words of secret-like names begin; plain searches, which are many times faster than one pattern."""
    small = text.lower()
    if len(small) != len(text):  # some letters of other alphabets become two
        small = "".join(char.lower() if char.isascii() else char for char in text)
    for word, another in _SECRET_WORDS:
        start = small.find(word)
        while start >= 0:
            end = start + len(word)
            if not another or not small.startswith(another, end):
                yield start
            start = small.find(word, end)


def _of_assignment(match: re.Match[str]) -> Secret | None:
    group = next(name for name in ("quoted", "bare", "word") if match[name] is not None)
    is_random = looks_random if group == "quoted" else _looks_random_without_quotes
    return Secret(*match.span(group), SecretKind.ASSIGNED) if is_random(match[group]) else None


MIN_BITS_PER_CHAR = 2.5
MIN_RANDOM_CHARS = 8
MIN_LETTERS_ALONE = 20
MIN_BITS_OF_LETTERS_ALONE = 4.0
MIN_BARE_NAME_CHARS = 16
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_WORDS = re.compile(r"[A-Za-z]+(?:[ ._/:-]+[A-Za-z]+)*[.:!?]?")


def looks_random(value: str) -> bool:
    """Whether somebody would use this as a secret: nothing that reads as words, a path, an address or a placeholder."""
    if len(value) < MIN_RANDOM_CHARS or re.search(r"\s", value) or _stands_for_another(value):
        return False
    if re.match(r"[a-z][a-z0-9+.-]*://|\.{0,2}/", value, re.IGNORECASE) and not re.search(r"[=+]", value):
        return False
    if _WORDS.fullmatch(value):
        is_mixed = any(map(str.islower, value)) and any(map(str.isupper, value))
        return is_mixed and len(value) >= MIN_LETTERS_ALONE and bits_per_char(value) >= MIN_BITS_OF_LETTERS_ALONE
    return bits_per_char(value) >= MIN_BITS_PER_CHAR


def bits_per_char(value: str) -> float:
    """Shannon's entropy of a text's own characters."""
    return -sum(number / len(value) * log2(number / len(value)) for number in Counter(value).values())


def _looks_random_without_quotes(value: str) -> bool:
    """Without quotes it may be an expression; a name in it is one, unless it is long and has figures throughout."""
    if _NAME.fullmatch(value):
        num_figures = sum(map(str.isdigit, value))
        return len(value) >= MIN_BARE_NAME_CHARS and num_figures >= 3 and "." not in value and looks_random(value)
    return any(map(str.isalpha, value)) and any(map(str.isdigit, value)) and looks_random(value)


_PLACEHOLDER = re.compile(
    r"[<{\[(%$].*[>}\])]|\$\w+|%\w+%?|.*(?:\$\{|\{\{|<[a-z_ -]+>|%\(|#\{).*|[*x.•-]+"
    r"|.*(?:change_?me|your[_-]|placeholder|redacted).*",
    re.IGNORECASE | re.DOTALL,
)


def _stands_for_another(value: str) -> bool:
    """Whether a value is to be replaced by the real one."""
    return _PLACEHOLDER.fullmatch(value) is not None
