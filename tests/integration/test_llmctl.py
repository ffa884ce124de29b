"""llmctl's own words: what is typed wrong is named, and what is not there is said to be not there."""
import json
import re
import subprocess

import pytest

from suite import PROGRAMS


def ctl(*args):
    return subprocess.run([PROGRAMS["llmctl"], *map(str, args)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("typed, said", [
    (("keys", "create", "--name", "x", "--rpm", "ten"), "--rpm must be a whole number or none, not 'ten'"),
    (("keys", "create", "--nam", "x"), "there is no option '--nam'"),
    (("keys", "create", "--name"), "'--name' has no value"),
    (("keys", "frob"), "there is no command 'keys frob'"),
    (("frob",), "there is no command 'frob'"),
])
def test_what_is_typed_wrong_is_named(typed, said):
    done = ctl(*typed)
    assert done.returncode == 2 and f"llmctl: {said}" in done.stderr, done


def test_each_command_tells_its_usage():
    for line in ctl("--list-commands").stdout.splitlines():
        name, usage, meaning = line.split("\t")
        done = ctl(*name.split(), "--help")
        assert (done.returncode, done.stdout) == (0, f"usage: llmctl {name} {usage}\n{meaning}\n")


def test_a_configuration_that_is_named_must_be_there_and_right(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("proxy:\n\tthreads: 1\n")
    assert "/nowhere.yaml: No such file" in ctl("--config", "/nowhere.yaml", "status").stderr
    assert f"{wrong}:2:1: a tab" in ctl("--config", wrong, "status").stderr


def test_a_socket_that_is_not_there_is_no_refused_connection(tmp_path):
    done = ctl("--socket", tmp_path / "admin.sock", "status")
    assert done.returncode == 1 and "admin.sock: No such file or directory" in done.stderr


def test_times_are_dates_and_the_trail_s_tail_says_what_was_asked(start_suite, simulator):
    suite = start_suite(simulator)
    suite.create_key("me")
    suite.ctl("keys", "revoke", "me")
    shown = suite.ctl("keys", "list").stdout
    key = re.search(r"(k_\w+)\s+me\s", shown).group(1)
    assert re.search(r"^created_at +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
                     suite.ctl("keys", "show", key).stdout, re.MULTILINE)
    assert re.search(r"admin\.action .* DELETE +/admin/keys/me ", suite.ctl("audit", "tail").stdout)


def test_the_admin_api_names_the_field_that_is_wrong(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    for path, body, field in [
            ("keys", {}, "name"), ("keys", {"name": "a/b"}, "name"), ("teams", {"name": ".."}, "name"),
            ("keys", {"name": "x", "team": "50%"}, "team"), ("keys", {"name": "x", "rpm": -1}, "rpm"),
            ("keys", {"name": "x", "models": ["small", "no-such"]}, "models"),
            ("keys", {"name": "x", "fo": 1}, "fo"), ("keys", {"name": "x", "zone": "Mars"}, "zone"),
            ("audit?n=0", None, "n"), ("usage?by=hour", None, "by"), ("usage?by=key&since=today", None, "since")]:
        refused = suite.admin(f"/admin/{path}", *(("POST", json.dumps(body).encode()) if body is not None else ()))
        assert (refused.status, refused.json["error"]["param"]) == (400, field), refused.body
        assert field in refused.json["error"]["message"]


def test_usage_names_keys_and_says_what_it_does_not_understand(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"])
    key = suite.create_key("Zo\u00eb", "--rpm", "9")["key"]
    assert suite.chat(headers={"Authorization": f"Bearer {key}"}).status == 200
    suite.wait_ledger(1)
    shown = suite.ctl("usage", "--by", "key,model", "--since", "1h").stdout
    assert re.search(r"^k_\w+ +Zo\u00eb +small ", shown, re.MULTILINE), shown
    lines = suite.ctl("keys", "list").stdout.splitlines()
    assert {line.index("  valid") for line in lines if "Zo\u00eb" in line} == {lines[0].index("  STATE")}
    refused = suite.ctl("usage", "--since", "2026-11-22", check=False)
    assert refused.returncode == 1 and "'since' is a duration" in refused.stderr
