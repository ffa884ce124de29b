"""Local workers below the unit of health-worker: a control group each, and nothing left behind."""
import contextlib
import http.client
import json
import os
import signal

import pytest

import machine as machines
from machine import wait_until

UNIT = "health-worker.service"
FAILED = "2ec5aa747b4041ff9a4544fb3437c33a"
PROGRAM = "/usr/local/bin/simulator"


def worker(name, port, script, more=""):
    return (f"  - {{name: {name}, port: {port}, stop_timeout: 5s{more},\n"
            f"     command: [{PROGRAM}, --port, \"{{port}}\", --worker, \"{script}\"]}}\n")


CONFIG = ("health: {interval: 500ms}\nworkers:\n" +
          worker("plain", 9101, "forks=4", ", restart: {backoff: 100ms}") +
          worker("hungry", 9102, "load=500ms,allocate=300MiB",
                 ", limits: {memory: 100MiB}, restart: {max: 0}"))


@pytest.fixture(scope="module")
def booted(start_machine):
    """The workers begin once their program is there."""
    m = start_machine(config=CONFIG.replace(PROGRAM, "/nowhere/simulator"))
    unit = m.run("systemctl", "cat", UNIT, check=True).out
    path = unit.split("--config ")[1].split()[0]
    m.run("mv", m.put(machines.BUILD / "tests/simulator/simulator"), PROGRAM, check=True)
    m.run("sed", "-i", f"s,/nowhere/simulator,{PROGRAM},", path, check=True)
    m.run("systemctl", "restart", UNIT, check=True)
    wait_until(lambda: workers(m)["plain"]["state"] == "idle", "a worker to serve")
    return m


def workers(m):
    """By name, as health-worker shows them; unknown while it does not answer."""
    with m.network():
        connection = http.client.HTTPConnection("127.0.0.1", 8082, timeout=20)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/status")
            return {w["name"]: w for w in json.loads(connection.getresponse().read())["workers"]}
    return {"plain": {"state": "unknown", "pid": 0}}


def simulators(m):
    """Of the machine's processes."""
    listing = m.run("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null").out.split("\n")
    return listing.count("simulator"), listing.count("llm-keeper")


def test_a_worker_has_a_control_group_below_the_units_and_its_lines_in_the_journal(booted):
    pid = workers(booted)["plain"]["pid"]
    group = booted.run("cat", f"/proc/{pid}/cgroup", check=True).out.strip()
    assert group.endswith(f"/{UNIT}/worker-plain")
    main = booted.show(UNIT, "MainPID")["MainPID"]
    assert booted.run("cat", f"/proc/{main}/cgroup").out.strip().endswith(f"/{UNIT}/daemon")
    said = wait_until(lambda: booted.journal("-u", "health-worker", "LLM_WORKER=plain"), "entries")
    assert any("listening on http://127.0.0.1:9101" in e["MESSAGE"] for e in said)
    status = booted.run("cat", f"/proc/{pid}/status", check=True).out
    assert "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status


def test_out_of_memory_a_worker_is_killed_and_not_the_daemon_and_the_journal_says_why(booted):
    wait_until(lambda: workers(booted).get("hungry", {}).get("state") == "failed", "its end")
    entry = booted.journal("-u", "health-worker", f"MESSAGE_ID={FAILED}", "LLM_WORKER=hungry")[-1]
    assert "out of memory (OOM): it used up its limit of 104857600 bytes" in entry["MESSAGE"]
    assert entry["PRIORITY"] == "3"
    explained = booted.run("journalctl", "-x", "-u", "health-worker", f"MESSAGE_ID={FAILED}").out
    assert "Subject: The worker hungry has failed" in explained
    assert booted.show(UNIT, "NRestarts", "ActiveState") == {"NRestarts": "0",
                                                            "ActiveState": "active"}
    assert workers(booted)["plain"]["state"] == "idle"


def test_after_a_crash_of_the_daemon_there_are_no_orphans_and_the_workers_are_back(booted):
    before = workers(booted)["plain"]["pid"]
    os.kill(booted.main_pid(UNIT), signal.SIGKILL)

    def is_back():
        now = workers(booted)["plain"]
        return now["state"] == "idle" and now["pid"] != before
    wait_until(is_back, "the worker again")
    wait_until(lambda: simulators(booted) == (5, 1), "one worker with its four processes")
    group = booted.run("cat", f"/proc/{workers(booted)['plain']['pid']}/cgroup").out.strip()
    assert group.endswith(f"/{UNIT}/worker-plain")


def test_stopping_the_unit_leaves_nothing_behind(booted):
    group = booted.show(UNIT, "ControlGroup")["ControlGroup"]
    booted.run("systemctl", "stop", "health-worker.socket", UNIT, check=True)
    assert booted.show(UNIT, "Result", "ExecMainStatus") == {"Result": "success",
                                                            "ExecMainStatus": "0"}
    assert simulators(booted) == (0, 0)
    assert not booted.run("test", "-e", f"/sys/fs/cgroup{group}").ok
    booted.run("systemctl", "start", "health-worker.socket", UNIT, check=True)
    wait_until(lambda: workers(booted)["plain"]["state"] == "idle", "it again")
