"""The suite under systemd as PID 1: ready by notify, guarded by watchdog, read in the journal."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import machine as machines
from machine import SERVICES, wait_until

CONFIG = """\
providers:
  - {name: here, base_url: "http://127.0.0.1:9000/v1", backend: local, api_key: {credential: here-key}}
models:
  - {name: small, targets: [{provider: here, model: tiny}], context_window: 8192}
"""
UPSTREAM_KEY = "sk-upstream-canary"
DROP_IN = f"[Service]\nWatchdogSec=1s\nSetCredential=here-key:{UPSTREAM_KEY}\n"


@pytest.fixture(scope="module")
def booted(start_machine):
    return start_machine(config=CONFIG, units={f"{name}.service.d/test.conf": DROP_IN for name in SERVICES})


@pytest.fixture
def upstream(booted):
    """The simulator, inside the machine's network."""
    program = machines.BUILD / "tests/simulator/simulator"
    child = subprocess.Popen(["nsenter", "-t", str(booted.pid), "-n", program, "--port", "9000"],
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("listening")
    yield child
    child.terminate()
    child.wait(10)


@pytest.fixture(scope="module")
def key(booted):
    made = booted.run("llmctl", "--json", "keys", "create", "--name", "tester", check=True).out
    return json.loads(made)["key"]


def ask(booted, method, path, body=None, headers=None, port=8080):
    with booted.network():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()


def state(booted, name):
    return booted.show(f"{name}.service", "ActiveState", "SubState", "NRestarts", "StatusText",
                       "MainPID", "Type", "ExecMainStartTimestampMonotonic",
                       "ActiveEnterTimestampMonotonic")


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_becomes_active_when_its_daemon_says_so(booted, name):
    now = state(booted, name)
    assert (now["Type"], now["ActiveState"], now["SubState"]) == ("notify", "active", "running")
    assert now["StatusText"]
    begun = int(now["ExecMainStartTimestampMonotonic"])
    assert 0 < int(now["ActiveEnterTimestampMonotonic"]) - begun < 2_000_000


def test_verify_has_nothing_to_say(booted):
    units = ["llm-gateway.target", "llm-proxy-audit.service", "llm-proxy-audit.timer"]
    units += [f"{n}.{k}" for n in SERVICES for k in ("service", "socket")]
    done = booted.run("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_daemon_runs_without_privileges(booted, name):
    pid = booted.main_pid(f"{name}.service")
    status = dict(line.split(":\t", 1)
                  for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    user = booted.run("id", "-u", "llm-proxy", check=True).out.strip()
    assert status["Uid"].split()[0] == user
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_others_cannot_reach_the_sockets_below_run(booted):
    mode = booted.run("stat", "-c", "%a %U:%G", "/run/llm-proxy", check=True).out.strip()
    assert mode == "750 llm-proxy:llm-proxy"
    mode = booted.run("stat", "-c", "%a %U:%G", "/run/llm-proxy/admin.sock", check=True).out.strip()
    assert mode == "660 llm-proxy:llm-proxy"
    listed = booted.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        "ls", "/run/llm-proxy")
    assert not listed.ok


def chat(booted, key):
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]})
    status, headers, _ = ask(booted, "POST", "/v1/chat/completions", body,
                             {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    assert status == 200
    return {name.lower(): value for name, value in headers.items()}["x-request-id"]


def test_the_journal_shows_what_a_request_did(booted, upstream, key):
    request_id = chat(booted, key)

    def entries():
        return booted.journal("-u", "llm-proxy", f"LLM_REQUEST_ID={request_id}")
    entry, = wait_until(entries, "the request's entry")
    assert entry["PRIORITY"] == "6"
    assert entry["SYSLOG_IDENTIFIER"] == "llm-proxy"
    assert entry["_SYSTEMD_UNIT"] == "llm-proxy.service"
    assert (entry["LLM_MODEL"], entry["LLM_PROVIDER"]) == ("small", "here")
    assert (entry["LLM_STATUS"], entry["LLM_ATTEMPTS"]) == ("200", "1")
    assert int(entry["LLM_TOKENS_IN"]) > 0 and int(entry["LLM_TOKENS_OUT"]) > 0
    assert float(entry["LLM_DURATION_MS"]) > 0
    assert entry["LLM_KEY_ID"]
    assert "Hello" not in json.dumps(entry)


def test_an_upstream_key_comes_from_a_credential_and_no_key_reaches_the_journal(booted, upstream,
                                                                               key):
    chat(booted, key)
    received = ask(booted, "GET", "/sim/record?since=0", port=9000)[2].decode()
    assert f"Bearer {UPSTREAM_KEY}" in received and key not in received
    journal = json.dumps(booted.journal())
    assert UPSTREAM_KEY not in journal and key not in journal


def test_a_journal_that_hangs_delays_no_request(booted, upstream, key):
    journald = booted.main_pid("systemd-journald.service")
    os.kill(journald, signal.SIGSTOP)
    try:
        slowest = 0.0
        for _ in range(200):
            begun = time.monotonic()
            chat(booted, key)
            slowest = max(slowest, time.monotonic() - begun)
    finally:
        os.kill(journald, signal.SIGCONT)
    assert slowest < 1

    def confessed():
        chat(booted, key)
        return [e for e in booted.journal("-u", "llm-proxy", "PRIORITY=4")
                if "log entries were lost" in e["MESSAGE"]]
    wait_until(confessed, "the number of lost entries")


@pytest.mark.parametrize("name", SERVICES)
def test_a_hung_daemon_is_restarted_by_its_watchdog(booted, name):
    before = state(booted, name)
    os.kill(booted.main_pid(f"{name}.service"), signal.SIGSTOP)

    def is_back():
        now = state(booted, name)
        return now["SubState"] == "running" and now["MainPID"] != before["MainPID"] and now
    now = wait_until(is_back, f"the restart of {name}")
    assert int(now["NRestarts"]) == int(before["NRestarts"]) + 1
    said = [e["MESSAGE"] for e in booted.journal("_PID=1", f"UNIT={name}.service")]
    assert any("Watchdog timeout" in text for text in said)


def test_nobody_is_refused_while_the_proxy_restarts(booted):
    """systemd holds the listening socket; who connects meanwhile is answered afterwards."""
    before = state(booted, "llm-proxy")
    os.kill(booted.main_pid("llm-proxy.service"), signal.SIGKILL)
    for _ in range(20):
        assert ask(booted, "GET", "/health")[0] == 200
    assert state(booted, "llm-proxy")["MainPID"] != before["MainPID"]


def test_a_broken_configuration_is_refused_on_reload_and_explained(booted):
    unit = booted.run("systemctl", "cat", "llm-proxy.service", check=True).out
    path = re.search(r"--config (\S+)", unit).group(1)
    before = state(booted, "llm-proxy")["MainPID"]
    booted.run("sh", "-c", f"cp {path} /tmp/good && echo 'proxy: {{threads: 0}}' >>{path}",
               check=True)
    booted.run("systemctl", "reload", "llm-proxy.service")
    booted.run("cp", "/tmp/good", path, check=True)
    assert state(booted, "llm-proxy")["MainPID"] == before
    assert ask(booted, "GET", "/health")[0] == 200

    rejected = "b0ddc143724a4b8495b06b53b423f010"
    entry, = booted.journal("-u", "llm-proxy", f"MESSAGE_ID={rejected}")
    assert f"{path}:5:18: proxy.threads must be 1 to 64 or auto, not '0'" in entry["MESSAGE"]
    explained = booted.run("journalctl", "-x", "-u", "llm-proxy", f"MESSAGE_ID={rejected}").out
    assert "Subject: A changed configuration was refused" in explained
    booted.run("systemctl", "reload", "llm-proxy.service", check=True)
    assert state(booted, "llm-proxy")["ActiveState"] == "active"


def test_a_daemon_that_cannot_read_its_configuration_is_not_started_again_and_again(booted):
    name = "context-service.service"
    path = re.search(r"--config (\S+)", booted.run("systemctl", "cat", name, check=True).out).group(1)
    booted.run("sh", "-c", f"cp {path} /tmp/good && echo 'proxi: 1' >>{path}", check=True)
    is_started = booted.run("systemctl", "restart", name).ok
    time.sleep(1)  # twice RestartSec
    now = booted.show(name, "ActiveState", "NRestarts", "ExecMainStatus")
    booted.run("cp", "/tmp/good", path, check=True)
    booted.run("systemctl", "restart", name, check=True)
    assert not is_started
    assert now == {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "2"}


def test_the_audit_trails_timer_waits_and_its_service_can_do_the_work(booted):
    """Asked of the proxy while it runs, done by itself when it does not."""
    timer = booted.show("llm-proxy-audit.timer", "ActiveState", "SubState")
    assert timer == {"ActiveState": "active", "SubState": "waiting"}
    for verb in ("stop", "start"):
        booted.run("systemctl", "start", "llm-proxy-audit.service", check=True)
        assert booted.show("llm-proxy-audit.service", "Result") == {"Result": "success"}
        booted.run("systemctl", verb, "llm-proxy.socket", "llm-proxy.service", check=True)
    unit = booted.run("systemctl", "cat", "llm-proxy-audit.service", check=True).out
    config = re.search(r"--config (\S+)", unit).group(1)
    verified = booted.run("llmctl", "--config", config, "audit", "verify", check=True).out
    assert verified.startswith("/var/log/llm-proxy/audit: ") and "whole" in verified


def test_stopping_the_target_stops_every_daemon_with_status_0(booted):
    booted.run("systemctl", "stop", machines.TARGET, check=True)
    for name in SERVICES:
        wait_until(lambda: state(booted, name)["ActiveState"] in ("inactive", "failed"),
                   f"the end of {name}")
        now = booted.show(f"{name}.service", "Result", "ExecMainStatus")
        assert now == {"Result": "success", "ExecMainStatus": "0"}, name
    booted.run("systemctl", "start", machines.TARGET, check=True)
    for name in SERVICES:
        wait_until(lambda: state(booted, name)["ActiveState"] == "active", f"{name} again")
