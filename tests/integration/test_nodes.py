"""Several machines: health-workers that hear one another over tcp with CURVE, and the proxy that routes by them.

Here they are processes on one machine; test_nodes_apart.py puts each in a network of its own.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest
import zmq

from suite import PROGRAMS, SLOW, Suite, free_port, request, wait_until
from test_workers import worker

OFFLINE = 3.0  # seconds of silence: three heartbeats


class Key:
    def __init__(self, folder, name):
        self.path = folder / f"{name}.secret"
        made = subprocess.run([PROGRAMS["llmctl"], "--json", "bus", "keygen", self.path], check=True,
                              capture_output=True, text=True)
        self.public = json.loads(made.stdout)["public"]

    @property
    def curve(self):
        return {"public": self.public, "secret_file": str(self.path)}


@pytest.fixture
def make_key(tmp_path):
    return lambda name: Key(tmp_path, name)


@pytest.fixture
def start_node(start_suite):
    """start_node(id, peers, curve=…): a machine of the fleet with a health-worker, published at .address."""
    def start(name, others=(), upstream=None, curve=None, services=("health-worker",), config=None, port=None):
        address = f"127.0.0.1:{port or free_port()}"
        health = {"node": {"id": name}, "publish": address, "gpu": "off",
                  "nodes": [{"id": other.node, "address": other.address, **({"key": other.key} if other.key else {})}
                            for other in others], **(config or {}).pop("health", {})}
        more = {"bus": {"curve": curve}} if curve else {}
        suite = start_suite(upstream, config={"health": health, **more, **(config or {})}, services=services)
        suite.node, suite.address, suite.key_public = name, address, (curve or {}).get("public")
        return suite
    return start


class Other:
    """A node as the others' configuration names it."""

    def __init__(self, node, address, key=None):
        self.node, self.address, self.key = node, address, key


def cluster(suite):
    return suite.admin("/cluster/status").json


def node(suite, name):
    return next((n for n in cluster(suite)["nodes"] if n["node_id"] == name), None)


def nodes_by_status(suite):
    metrics = suite.metrics("health-worker")
    return tuple(int(metrics.value("cluster_nodes", status=s)) for s in ("healthy", "degraded", "offline"))


def wait_nodes(suite, healthy, degraded, offline):
    wait_until(lambda: nodes_by_status(suite) == (healthy, degraded, offline),
               f"{healthy} nodes healthy, {degraded} degraded, {offline} offline")


def news(process, beginning):
    return [e for e in process.entries() if e["message"].startswith(beginning)]


def test_keygen_writes_a_secret_that_only_its_owner_reads_and_never_overwrites(tmp_path):
    path = tmp_path / "secret"
    made = subprocess.run([PROGRAMS["llmctl"], "bus", "keygen", path], capture_output=True, text=True, check=True)
    secret = path.read_text().strip()
    assert len(secret) == 40 and secret not in made.stdout + made.stderr
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert made.stdout.startswith("bus: {curve: {public: \"") and str(path) in made.stdout
    again = subprocess.run([PROGRAMS["llmctl"], "bus", "keygen", path], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert path.read_text().strip() == secret


@pytest.mark.parametrize("service", ["health-worker", "llm-proxy"])
def test_a_key_that_cannot_be_used_is_refused_at_start(service, make_key):
    one, two = make_key("one"), make_key("two")
    for secret, why in ((two.path, "is not the one bus.curve.public belongs to"), ("/no/such/file", "No such file")):
        suite = Suite(config={"bus": {"curve": {"public": one.public, "secret_file": str(secret)}},
                              "health": {"publish": f"127.0.0.1:{free_port()}"}}, services=[service])
        try:
            done = subprocess.run(suite[service].args, capture_output=True, text=True, timeout=20 * SLOW, check=False,
                                  env=suite[service].env)
            assert done.returncode == 1 and why in done.stderr, done.stderr
            assert two.path.read_text().strip() not in done.stdout + done.stderr
        finally:
            shutil.rmtree(suite.folder)


def test_three_nodes_see_one_another_and_count_themselves(start_node, make_key):
    curve = make_key("fleet").curve  # one pair serves the fleet
    others = [Other(name, f"127.0.0.1:{free_port()}") for name in "abc"]
    suites = [start_node(o.node, others, curve=curve, port=int(o.address.rsplit(":", 1)[1])) for o in others]
    for suite in suites:
        wait_nodes(suite, 3, 0, 0)
        for other in others:
            assert suite.metrics("health-worker").has("cluster_active_requests", node_id=other.node)
        assert suite.metrics("health-worker").value("bus_dropped_total") == 0
    a, b, c = suites
    before = len(news(a["health-worker"], "node c is offline"))
    c["health-worker"].kill()
    wait_nodes(a, 2, 0, 1)
    wait_nodes(b, 2, 0, 1)
    assert [e for e in news(a["health-worker"], "node c is degraded") if "was healthy" in e["message"]]
    assert not a.metrics("health-worker").has("cluster_active_requests", node_id="c")
    told = news(a["health-worker"], "node c is offline")
    assert len(told) == before + 1 and told[-1]["message_id"] and told[-1]["node"] == "c"
    c["health-worker"].start_and_wait_ready()
    wait_nodes(a, 3, 0, 0)
    wait_nodes(b, 3, 0, 0)
    assert news(a["health-worker"], "node c is back")[-1]["message_id"] != told[-1]["message_id"]
    peer = next(n for n in request(f"http://127.0.0.1:{a.health_port}/status").json["nodes"] if n["node_id"] == "c")
    assert peer["restarts"] == 1 and peer["host"]["memory_total_bytes"] > 0


def test_the_provider_of_a_node_leaves_routing_with_it_and_returns(start_node, simulator, start_simulator, make_key):
    away, curve = start_simulator(), make_key("fleet").curve
    b = Other("b", f"127.0.0.1:{free_port()}")
    on_b = start_node("b", curve=curve, port=int(b.address.rsplit(":", 1)[1]), config={
        "providers": [Suite.provider(away, probe={"interval": "200ms"})]})
    a = start_node("a", [b], upstream=simulator, curve=curve, services=("health-worker", "llm-proxy"), config={
        "providers": [{"name": "sim", "base_url": f"{away.url}/v1", "backend": "local", "node": "b"},
                      {"name": "here", "base_url": f"{simulator.url}/v1", "backend": "local"}],
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"},
                                                 {"provider": "here", "model": "sim"}]}]})

    def provider():
        return a.chat(max_tokens=4).headers["x-llm-provider"]
    wait_until(lambda: next(p for p in cluster(a)["providers"] if p["name"] == "sim")["health"] == "healthy",
               "b's word on its provider")
    assert provider() == "sim"

    before = len(news(a.proxy, "node b is offline"))
    with on_b["health-worker"].hung():  # the machine vanishes; its provider would still answer
        begun = time.monotonic()
        wait_until(lambda: node(a, "b")["status"] == "offline", "b to be offline")
        took = time.monotonic() - begun
        assert OFFLINE - 2 <= took <= OFFLINE + 3 * SLOW
        wait_until(lambda: provider() == "here", "requests to go elsewhere")
        assert not next(p for p in cluster(a)["providers"] if p["name"] == "sim")["available"]
        told = news(a.proxy, "node b is offline")
        assert len(told) == before + 1 and told[-1]["message_id"]
    wait_until(lambda: provider() == "sim", "requests to return", timeout=2.0)
    away.script("status=500", route="models")
    wait_until(lambda: provider() == "here", "b's own verdict on its provider")


def test_a_worker_on_another_node_serves_and_leaves_as_its_node_says(start_node, simulator):
    b, row = Other("b", f"127.0.0.1:{free_port()}"), worker("llama", health="/health")
    on_b = start_node("b", port=int(b.address.rsplit(":", 1)[1]), config={
        "workers": [row], "health": {"interval": "200ms"},
        "providers": [{"name": "llama", "base_url": f"http://127.0.0.1:{row['port']}/v1", "backend": "local",
                       "probe": {"interval": "200ms"}}]})
    a = start_node("a", [b], services=("health-worker", "llm-proxy"), config={
        "providers": [{"name": "llama", "base_url": f"http://127.0.0.1:{row['port']}/v1", "backend": "local",
                       "node": "b"}, Suite.provider(simulator, "here")],
        "models": [{"name": "small", "targets": [{"provider": "llama", "model": "sim"},
                                                 {"provider": "here", "model": "sim"}]}]})

    def provider():
        return a.chat(max_tokens=4).headers["x-llm-provider"]

    def ask(verb):
        assert request(f"http://127.0.0.1:{on_b.health_port}/workers/llama/{verb}", "POST", b"").status == 202

    def shown():
        return next((w for w in cluster(a)["workers"] if w["name"] == "llama"), {"state": None})
    wait_until(lambda: shown()["state"] == "idle" and provider() == "llama", "the worker on b to serve", 20)
    assert shown()["node_id"] == "b" and shown()["pid"] > 0
    ask("stop")
    wait_until(lambda: provider() == "here", "its requests to go elsewhere")
    wait_until(lambda: shown()["state"] == "stopped", "it to have stopped", 20)
    assert provider() == "here"
    ask("start")
    wait_until(lambda: provider() == "llama", "it to be back", 20)
    on_b["health-worker"].kill()
    wait_until(lambda: node(a, "b")["status"] == "offline", "b to be offline")
    assert shown()["state"] is None and provider() == "here"


def test_a_provider_that_moves_here_by_reload_is_no_longer_away_for_its_worker_elsewhere(start_node, simulator):
    b, row = Other("b", f"127.0.0.1:{free_port()}"), worker("llama", health="/health", idle_stop="1h")
    start_node("b", port=int(b.address.rsplit(":", 1)[1]), config={
        "workers": [row], "providers": [{"name": "llama", "base_url": f"http://127.0.0.1:{row['port']}/v1",
                                         "backend": "local"}]})
    a = start_node("a", [b], services=("health-worker", "llm-proxy"), config={
        "providers": [{**Suite.provider(simulator, "llama"), "node": "b"}, Suite.provider(simulator, "here")],
        "models": [{"name": "small", "targets": [{"provider": "llama", "model": "sim"},
                                                 {"provider": "here", "model": "sim"}]}]})

    def provider():
        return a.chat(max_tokens=4).headers["x-llm-provider"]
    wait_until(lambda: any(w["name"] == "llama" and w["use"] == "cold" for w in cluster(a)["workers"]),
               "the proxy to hear of the worker on b that nobody has asked for")
    assert provider() == "here"
    del a.config["providers"][0]["node"]
    a.write_config()
    for process in a.processes.values():
        process.signal(signal.SIGHUP)
    wait_until(lambda: provider() == "llama", "the provider to be in use")


def test_what_a_node_says_of_providers_that_are_not_its_own_does_not_count(start_node, simulator, start_simulator):
    down = start_simulator()
    down.script("status=500", route="models")
    b = Other("b", f"127.0.0.1:{free_port()}")
    on_b = start_node("b", port=int(b.address.rsplit(":", 1)[1]), config={  # its `sim` is its own affair
        "providers": [Suite.provider(down, probe={"interval": "200ms"})]})
    a = start_node("a", [b], upstream=simulator, services=("health-worker", "llm-proxy"))
    wait_until(lambda: (node(a, "b") or {}).get("status") == "healthy", "b to be heard")
    wait_until(lambda: cluster(a)["providers"][0]["health"] == "healthy", "our own verdict")
    wait_until(lambda: request(f"http://127.0.0.1:{on_b.health_port}/status").json["providers"][0]["state"] == "down",
               "b's verdict")
    heard = a.metrics().value("bus_messages_total", socket="nodes", direction="in")
    wait_until(lambda: a.metrics().value("bus_messages_total", socket="nodes", direction="in") > heard + 1,
               "b's verdict to have come")
    assert node(a, "b")["problem"] is None
    assert cluster(a)["providers"][0]["health"] == "healthy"
    assert a.chat(max_tokens=4).status == 200


def test_a_stranger_is_refused_counted_and_told_why(start_node, make_key):
    own, friend, stranger = make_key("own"), make_key("friend"), make_key("stranger")
    b = Other("b", f"127.0.0.1:{free_port()}", own.public)
    on_b = start_node("b", curve={**own.curve, "allow": [friend.public]}, port=int(b.address.rsplit(":", 1)[1]))
    c = start_node("c", [b], curve=stranger.curve)
    d = start_node("d", [b], curve=friend.curve)
    wait_nodes(d, 2, 0, 0)
    wait_until(lambda: on_b.metrics("health-worker").value("bus_dropped_total", socket="publish", reason="key") > 0,
               "the stranger to be counted")
    wait_nodes(c, 1, 0, 1)
    wait_until(lambda: request(f"http://127.0.0.1:{c.health_port}/status").json["nodes"][0]["problem"]
               == "it refuses our key", "the reason")
    assert on_b.metrics("health-worker").value("bus_dropped_total", socket="publish", reason="handshake") == 0

    # Who takes another for b says nothing that is understood.
    e = start_node("e", [Other("b", b.address, stranger.public)], curve=friend.curve)
    wait_until(lambda: on_b.metrics("health-worker").value("bus_dropped_total", socket="publish",
                                                           reason="handshake") > 0, "a wrong server key to be counted")
    wait_nodes(e, 1, 0, 1)

    # Let in by a reload, it comes by itself; the friend, shut out, loses its connection.
    on_b.config["bus"]["curve"]["allow"] = [stranger.public]
    on_b.write_config()
    on_b["health-worker"].signal(signal.SIGHUP)
    wait_nodes(c, 2, 0, 0)
    wait_nodes(d, 1, 0, 1)
    for suite in (on_b, c, d, e):
        for key in (own, friend, stranger):
            assert key.path.read_text().strip() not in suite["health-worker"].log()


def test_requests_under_way_are_counted_on_every_node(start_node, simulator):
    b = Other("b", f"127.0.0.1:{free_port()}")
    a_port = free_port()
    on_b = start_node("b", [Other("a", f"127.0.0.1:{a_port}")], port=int(b.address.rsplit(":", 1)[1]))
    a = start_node("a", [b], upstream=simulator, services=("health-worker", "llm-proxy"), port=a_port)

    def active(suite, name):
        return suite.metrics("health-worker").value("cluster_active_requests", node_id=name)
    wait_until(lambda: on_b.metrics("health-worker").has("cluster_active_requests", node_id="a"), "a to be heard")
    simulator.script("chunks=2000,interval=50ms")
    streams = [a.stream() for _ in range(3)]
    for suite in (a, on_b):
        wait_until(lambda s=suite: active(s, "a") == 3, "three requests under way")
        assert active(suite, "b") == 0
    streams.pop().close()
    wait_until(lambda: active(on_b, "a") == 2, "two")
    wait_until(lambda: node(a, "a")["active_requests"] == 2, "two in the status")
    for stream in streams:
        stream.close()
    for suite in (a, on_b):
        wait_until(lambda s=suite: active(s, "a") == 0, "none")

    streams = [a.stream() for _ in range(2)]
    wait_until(lambda: active(a, "a") == 2, "two again")
    a.proxy.kill()
    for suite in (a, on_b):
        wait_until(lambda s=suite: active(s, "a") == 0, "a dead proxy's requests to be forgotten")


def test_nodes_come_and_go_by_reload_and_are_forgotten_after_a_while(start_node, simulator):
    b = Other("b", f"127.0.0.1:{free_port()}")
    on_b = start_node("b", port=int(b.address.rsplit(":", 1)[1]))
    a = start_node("a", upstream=simulator, services=("health-worker", "llm-proxy"),
                   config={"health": {"retention": "7s"}})
    wait_nodes(a, 1, 0, 0)

    def reload():
        a.write_config()
        for process in a.processes.values():
            process.signal(signal.SIGHUP)
    a.config["health"]["nodes"] = [{"id": "b", "address": b.address}]
    reload()
    wait_nodes(a, 2, 0, 0)
    wait_until(lambda: (node(a, "b") or {}).get("status") == "healthy", "the proxy to hear b")
    on_b["health-worker"].kill()
    wait_nodes(a, 1, 0, 1)
    wait_until(lambda: (node(a, "b") or {"status": "offline"})["status"] == "offline", "the proxy to miss b")
    wait_nodes(a, 1, 0, 0)
    wait_until(lambda: node(a, "b") is None, "the proxy to forget b")
    on_b["health-worker"].start_and_wait_ready()
    wait_nodes(a, 2, 0, 0)
    a.config["health"]["nodes"] = []
    reload()
    wait_nodes(a, 1, 0, 0)
    wait_until(lambda: node(a, "b") is None, "b to be gone")
    assert not a.metrics("health-worker").has("cluster_active_requests", node_id="b")


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize("host", ["localhost", "[::1]", "127.0.0.2"])
def test_loopback_has_several_names_and_needs_no_keys(start_node, host):
    if host == "[::1]" and not has_ipv6():
        pytest.skip("no IPv6 on this machine's loopback")
    port = free_port()
    start_node("b", config={"health": {"publish": f"{host}:{port}"}})
    a = start_node("a", [Other("b", f"{host}:{port}")])
    wait_nodes(a, 2, 0, 0)


def test_another_node_at_an_address_is_not_taken_for_the_one_expected(start_node):
    b = Other("b", f"127.0.0.1:{free_port()}")
    start_node("impostor", port=int(b.address.rsplit(":", 1)[1]))
    a = start_node("a", [b])
    wait_nodes(a, 1, 0, 1)
    assert a.metrics("health-worker").value("bus_dropped_total", socket="nodes", reason="invalid") > 0
    assert [e for e in a["health-worker"].entries() if "is node impostor, not b" in e["message"]]


def garbage(port, data):
    with socket.socket() as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", port))
        s.sendall(data)


def test_connections_at_the_tcp_port_that_say_nothing_are_let_go(start_node, make_key):
    key, port = make_key("fleet"), free_port()
    b = start_node("b", curve=key.curve, port=port)
    daemon = b["health-worker"]
    daemon.stop()
    daemon.args = ["prlimit", "--nofile=200:200", *daemon.args]
    daemon.start_and_wait_ready()
    a = start_node("a", [Other("b", f"127.0.0.1:{port}")], curve=key.curve)
    wait_nodes(a, 2, 0, 0)
    with contextlib.ExitStack() as crowd:
        for _ in range(250):  # more than it has descriptors for
            s = crowd.enter_context(socket.socket())
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) > 150, "the crowd to be in")
        wait_nodes(a, 2, 0, 0)  # who is in stays in
    wait_until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) < 100, "the crowd to be let go")
    wait_until(lambda: b.metrics("health-worker").value("bus_dropped_total", socket="publish", reason="handshake")
               > 100, "the crowd to be counted")
    wait_nodes(a, 2, 0, 0)


def test_garbage_and_false_messages_at_the_tcp_port_harm_nobody(start_node, make_key):
    key = make_key("fleet")
    port = free_port()
    others = [Other("b", f"127.0.0.1:{port}")]
    b = start_node("b", curve=key.curve, port=port)
    a = start_node("a", others, curve=key.curve)
    wait_nodes(a, 2, 0, 0)
    greeting = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE".ljust(64, b"\0")
    for n in range(300):
        noise = os.urandom(1 + n)
        garbage(port, (noise, greeting + noise, greeting + b"\4\xc8\5HELLO\1\0" + noise,
                       greeting.replace(b"CURVE", b"PLAIN") + noise, b"GET / HTTP/1.1\r\n\r\n")[n % 5])
    wait_until(lambda: b.metrics("health-worker").value("bus_dropped_total", socket="publish",
                                                        reason="handshake") > 0, "it to be counted")
    # A holder of the key who publishes nonsense is dropped and counted by who listens to it.
    context = zmq.Context()
    try:
        liar = context.socket(zmq.PUB)
        liar.linger, liar.curve_server = 0, True
        liar.curve_publickey, liar.curve_secretkey = key.public.encode(), key.path.read_text().strip().encode()
        liar_port = liar.bind_to_random_port("tcp://127.0.0.1")
        c = start_node("c", [Other("x", f"127.0.0.1:{liar_port}")], curve=key.curve)

        def heard():
            liar.send_multipart([b"\x4c\1\x10\0" + bytes(12), b"{\"node\":\"x\",\"providers\":7}"])
            liar.send_multipart([os.urandom(16)] * 6)
            liar.send_multipart([b"\x4c\1\x12\0" + bytes(12), b"[]"])
            return c.metrics("health-worker").value("bus_dropped_total", socket="nodes", reason="invalid") > 100
        wait_until(heard, "nonsense to be counted")
        wait_nodes(c, 1, 0, 1)
    finally:
        context.destroy(0)
    wait_nodes(a, 2, 0, 0)
