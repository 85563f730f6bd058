"""``token new``: the secret once, and what the settings hold in its place."""

import subprocess
import sys
import tomllib

import pytest

from sentiment_engine.live.secrecy import PREFIX, new_token, sha256_of
from sentiment_engine.settings import Settings


def token_new(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sentiment_engine", "token", "new", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_printed_is_a_token_and_settings_that_know_it():
    outputs = [token_new("--name", "pbx-1", "--role", "ingest") for _ in range(2)]
    assert [done.returncode for done in outputs] == [0, 0]
    first, second = (done.stdout.partition("\n") for done in outputs)
    assert first[0] != second[0]
    assert first[0].startswith(PREFIX)
    assert len(first[0]) == len(PREFIX) + 43
    assert first[0] not in first[2] + outputs[0].stderr
    (token,) = Settings.from_mapping(tomllib.loads(first[2])).door.tokens
    assert (token.name, token.role, token.sha256) == ("pbx-1", "ingest", sha256_of(first[0]))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--name", "a"],
        ["--role", "admin"],
        ["--name", "a b", "--role", "admin"],
        ["--name", "a", "--role", "king"],
    ],
)
def test_without_a_good_name_and_a_role_there_is_no_token(arguments):
    done = token_new(*arguments)
    assert done.returncode == 2
    assert PREFIX not in done.stdout + done.stderr


def test_a_token_pasted_in_the_wrong_place_of_the_settings_is_not_repeated(tmp_path):
    secret = new_token()
    settings = tmp_path / "engine.toml"
    settings.write_text(f'[[door.tokens]]\nname = "a"\nrole = "{secret}"\nsha256 = "{sha256_of(secret)}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "sentiment_engine", "serve", "--port", "0", "--config", settings],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "$.door.tokens[0].role" in done.stderr
    assert secret[5:17] not in done.stdout + done.stderr
