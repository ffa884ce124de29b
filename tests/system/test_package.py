"""The Debian package: built, installed on a machine, upgraded under load, removed and purged."""
import contextlib
import http.client
import json
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

import machine as machines
from machine import SERVICES, wait_until

CONFIG = """\
providers:
  - {name: here, base_url: "http://127.0.0.1:9000/v1", backend: local}
models:
  - {name: small, targets: [{provider: here, model: "sim:chunks=20,interval=50ms"}]}
"""
BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "hello"}], "stream": True})
UNITS = [f"{name}.service" for name in SERVICES]

pytestmark = pytest.mark.skipif(not shutil.which("dh"), reason="needs debhelper")


@pytest.fixture(scope="module")
def package(request, tmp_path_factory):
    if request.config.why_not:
        pytest.skip(request.config.why_not)
    folder = tmp_path_factory.mktemp("package")
    subprocess.run([machines.ROOT / "deploy/package", folder], check=True)
    return next(folder.glob("llm-gateway_*.deb"))


@pytest.fixture(scope="module")
def host(package):
    """A machine with nothing of the suite, and the simulator as its provider."""
    one = machines.Machine(config=None, is_bare=True)
    one.start()
    program = machines.BUILD / "tests/simulator/simulator"
    child = subprocess.Popen(["nsenter", "-t", str(one.pid), "-n", program, "--port", "9000"],
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("listening")
    yield one
    child.terminate()
    child.wait(10)
    one.stop()


def newer(package, folder):
    """The same package as the next version."""
    inside = folder / "inside"
    subprocess.run(["dpkg-deb", "-R", package, inside], check=True)
    control = inside / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0", "Version: 0.1.1"))
    made = folder / "newer.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", inside, made], check=True, capture_output=True)
    return made


def install(host, package):
    inside = host.put(package)
    return host.run("dpkg", "--install", inside)


def stream(host, key, results):
    with host.network():
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", BODY,
                               {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            results.append((answer.status, text.rstrip().endswith("data: [DONE]")))


def test_an_installed_package_is_three_active_units_and_a_manual(host, package):
    done = install(host, package)
    assert done.ok, done.out + done.err
    for unit in UNITS:
        wait_until(lambda: host.run("systemctl", "is-active", unit).ok, unit)
        assert host.run("systemctl", "is-enabled", unit).ok
    for name in ("llmctl.1", "llm-proxy.8", "llm-proxy.yaml.5"):
        assert host.run("test", "-s", f"/usr/share/man/man{name[-1]}/{name}.gz").ok, name
    assert host.run("llmctl", "status").ok
    assert host.run("stat", "-c", "%U %a", "/var/lib/llm-proxy").out.split() == ["llm-proxy", "750"]
    entries = host.journal("-u", "llm-proxy", "-u", "context-service", "-u", "health-worker")
    assert {e.get("SYSLOG_IDENTIFIER") for e in entries} >= set(SERVICES)


def test_an_upgrade_under_load_drops_nothing(host, package, tmp_path):
    host.run("sh", "-c", f"cat >/etc/llm-proxy/llm-proxy.yaml <<'E'\n{CONFIG}E\nchmod 644 /etc/llm-proxy/llm-proxy.yaml",
             check=True)
    host.run("systemctl", "reload", "llm-proxy", check=True)
    key = json.loads(host.run("llmctl", "--json", "keys", "create", "--name", "one", check=True).out)["key"]
    before = host.show("llm-proxy.service", "MainPID")
    results, stop = [], threading.Event()

    def go_on():
        while not stop.is_set():
            stream(host, key, results)
    clients = [threading.Thread(target=go_on) for _ in range(8)]
    for client in clients:
        client.start()
    wait_until(lambda: len(results) >= 8, "streams")
    done = host.run("dpkg", "--install", "--force-confold", host.put(newer(package, tmp_path)))
    time.sleep(1)
    stop.set()
    for client in clients:
        client.join(60)
    assert done.ok, done.out + done.err
    assert host.show("llm-proxy.service", "MainPID") != before
    assert set(results) == {(200, True)}, results
    sums = json.loads(host.run("llmctl", "--json", "usage", check=True).out)
    assert sum(row["requests"] for row in sums) == len(results)
    assert "sim:chunks" in host.run("cat", "/etc/llm-proxy/llm-proxy.yaml").out  # the operator's file


def test_a_removed_package_stops_and_a_purged_one_leaves_the_books(host):
    assert host.run("dpkg", "--remove", "llm-gateway").ok
    for unit in UNITS:
        assert not host.run("systemctl", "is-active", unit).ok
    assert host.run("test", "-e", "/etc/llm-proxy/llm-proxy.yaml").ok
    done = host.run("dpkg", "--purge", "llm-gateway")
    assert done.ok and "holds the books and stays" in done.out, done.out + done.err
    assert not host.run("test", "-e", "/etc/llm-proxy").ok
    left = host.run("find", "/var/lib/llm-proxy", "/var/log/llm-proxy", "-type", "f", "-printf", "%P\n").out.split()
    assert "ledger.db" in left
    assert not [name for name in left if name.startswith(
        ("cache.db", "context.", "estimators.db", "health.db", "workers.state"))], left
    found = host.run("sh", "-c", "find /usr /lib /etc -path '*llm-proxy*' -o -path '*llm-gateway*'").out.split()
    assert not [path for path in found if "/private" not in path], found


def test_lintian_finds_nothing_but_information(package):
    if not shutil.which("lintian"):
        pytest.skip("needs lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "warning", package],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
