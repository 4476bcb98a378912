"""Secrets in texts and names, by a corpus of planted ones and of what only looks like one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plt_lsp.context.secrets import find_secrets, is_secret_file, looks_random, redacted
from tests.lsp.planted import INNOCENT, PLANTED


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text.strip()[:40])
def test_a_planted_secret_is_gone_and_the_rest_stays(planted):
    around = "def before():\n    return 1\n\n\n{}\n\ndef after():\n    return 2\n"
    text = around.replace("{}", planted.source)
    found = redacted(text)
    assert planted.secret not in found
    assert found.count("\n") == text.count("\n")
    assert found.startswith("def before():\n    return 1\n")
    assert "redacted" in found
    if "BEGIN" not in planted.text:
        assert found.endswith("\n\ndef after():\n    return 2\n")


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("path", "is_secret"),
    [
        *[(path, True) for path in (".env", "app/.env.local", "prod.env", "server.pem", "a/b/tls.key", "id_rsa")],
        *[(path, True) for path in ("credentials", "x/credentials.json", "secrets.yaml", "secrets.yml", "home/.ssh/x")],
        *[(path, True) for path in (".aws/config", ".npmrc", "terraform.tfstate", "my_service-account-1.PEM")],
        *[(path, False) for path in ("secrets.py", "environment.py", "keys.py", "env.ts", "ssh/client.go", "token.c")],
    ],
)
def test_files_that_are_secret_by_name(path, is_secret):
    assert is_secret_file(path) is is_secret


def test_a_random_word_is_told_from_others():
    assert looks_random("wJalrXUtnFEMIKMDENGbPxRfiCY")
    assert not looks_random("getAccessTokenFromServer")
    assert not looks_random("aaaaaaaaaaaaaaaa1")


TEXTS = st.lists(
    st.sampled_from([*(planted.source for planted in PLANTED), *INNOCENT, "\r\n", "\n", "İ = 1\n", "é"]), max_size=8
).map("".join)


@given(TEXTS)
def test_secrets_lie_in_order_and_redaction_keeps_every_line(text):
    secrets = find_secrets(text)
    assert all(a.end <= b.start for a, b in pairwise(secrets))
    assert all(0 <= secret.start < secret.end <= len(text) for secret in secrets)
    assert redacted(text).count("\n") == text.count("\n")
    assert redacted(redacted(text)) == redacted(text)
