"""deploy/token-tables installs OpenAI's lists and nothing else, or says in a line why not."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LLMCTL = ROOT / os.environ["BUILD_DIR"] / "services/llmctl/llmctl"


def token_tables(tmp_path, npm):
    """Run with this shell script in npm's place."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "npm").write_text(f"#!/bin/bash\n{npm}\n")
    (programs / "npm").chmod(0o755)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LLMCTL": str(LLMCTL)}
    done = subprocess.run([ROOT / "deploy/token-tables", tmp_path / "tokens"], env=env,
                          capture_output=True, text=True, timeout=60)
    assert not (tmp_path / "tokens").exists()
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    return done.stderr


def test_a_registry_that_cannot_be_reached_is_named(tmp_path):
    said = token_tables(tmp_path, "echo 'npm error code ECONNREFUSED' >&2; exit 1")
    assert said == "token-tables: npm cannot fetch gpt-tokenizer@4.0.0: npm error code ECONNREFUSED\n"


def test_another_package_of_that_name_is_refused_unopened(tmp_path):
    said = token_tables(tmp_path, """
while [ $# -gt 0 ]; do [ "$1" = --pack-destination ] && to=$2; shift; done
head -c 1000 /dev/urandom >"$to/gpt-tokenizer-4.0.0.tgz" """)
    assert said == "token-tables: gpt-tokenizer@4.0.0 is not the package that this expects\n"


def test_a_list_that_openai_does_not_publish_is_refused(tmp_path):
    ranks = tmp_path / "o200k_base.tiktoken"
    ranks.write_text("IQ== 0\n")
    done = subprocess.run([LLMCTL, "tokens", "import", "--to", tmp_path / "tokens", ranks],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "neither a list of ranks that OpenAI publishes nor a tokenizer.json" in done.stderr
    assert not list((tmp_path / "tokens").glob("*"))


def test_a_tokenizer_that_is_not_known_is_refused_by_what_is_not_known(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text('{"model":{"type":"BPE","vocab":{},"merges":[]},"normalizer":null,'
                    '"pre_tokenizer":{"type":"Whitespace"}}')
    command = [LLMCTL, "tokens", "import", "--to", tmp_path / "tokens", file]
    named = [*command, "--name", "x", "--models", "x*"]
    done = subprocess.run(named, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith('cut in a way that is not known: {"type":"Whitespace"}\n')
    for wrong in (["--name", "x"], ["--name", "../x", "--models", "x"], ["--models", "x"]):
        assert subprocess.run([*command, *wrong], capture_output=True, timeout=60).returncode == 2
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 1
