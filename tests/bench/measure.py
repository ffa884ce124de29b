"""The benchmark: who is measured, with which load, and what is printed.

The gateway runs on core 0; the upstream (the simulator) and the load generator share core 1. All
three targets get the same load in each round, one after the other, so that a noisy neighbour
disturbs all of them; the figures are medians over the rounds.
"""
import contextlib
import io
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from suite import BUILD, Process, Simulator, Suite, free_port, wait_until

GATEWAY_CORE, OTHER_CORE = {0}, {1}
CHUNKS = 200  # of a stream that is translated
LOAD = BUILD / "tests/bench/load"
TICK = os.sysconf("SC_CLK_TCK")

NGINX = """
daemon off; worker_processes 1; worker_cpu_affinity 1; worker_rlimit_nofile 16384;
pid %(folder)s/nginx.pid; error_log %(folder)s/nginx-error.log warn;
events { worker_connections 8192; }
http {
    access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; tcp_nodelay on;
    client_body_buffer_size 256k; client_max_body_size 32m;
    client_body_temp_path %(folder)s; proxy_temp_path %(folder)s; fastcgi_temp_path %(folder)s;
    uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s;
    upstream model { server 127.0.0.1:%(upstream)d; keepalive 1024;
                     keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        location / { proxy_pass http://model; proxy_http_version 1.1;
                     proxy_set_header Connection ""; proxy_buffering off; }
    }
}
"""


def pin(pid, cores):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), cores)


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(p) for p in text.split()]


class Target:
    """A gateway, or none: a port, a header to send, and the processes whose costs count."""

    def __init__(self, name, port, pids, header=None):
        self.name, self.port, self.pids, self.header = name, port, pids, header

    def cpu_seconds(self):
        total = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def memory_mb(self):
        """(resident, proportional)"""
        rss = pss = 0
        for pid in self.pids:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
            rss, pss = rss + int(found["Rss"]), pss + int(found["Pss"])
        return round(rss / 1024, 1), round(pss / 1024, 1)

    def load_command(self, mode, body, *options):
        header = ["-h", self.header] if self.header else []
        path = "/v1/messages" if body.name.startswith("messages") else "/v1/chat/completions"
        return [LOAD, mode, path, "-p", str(self.port), *map(str, options), *header, "-b", body]

    def load(self, mode, body, *options):
        done = subprocess.run(self.load_command(mode, body, *options), capture_output=True,
                              text=True, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, OTHER_CORE))
        result = json.loads(done.stdout)
        for fault in ("wrong_status", "broken", "late"):
            if result[fault]:
                print(f"!! {self.name} {mode}: {result[fault]} {fault}", file=sys.stderr)
        return result


class Bench:
    def __init__(self, folder, quick):
        self.folder = folder
        self.rounds, self.seconds = (1, 2) if quick else (5, 5)
        self.results = {}
        self.small, self.large = self.body("small", 1024), self.body("large", 100 * 1024)
        self.streamed = self.body("streamed", 1024, '"stream":true,')
        self.kept = self.body("kept", 1024, '"temperature":0,')
        self.chat_4k = self.body("chat-4k", 4096)
        self.messages_4k = self.body("messages-4k", 4096, '"max_tokens":512,')
        self.messages_streamed = self.body("messages-streamed", 1024,
                                           '"max_tokens":512,"stream":true,')

    def body(self, name, size, more=""):
        frame = '{"model":"small",' + more + '"messages":[{"role":"user","content":"%s"}]}'
        words = ("the quick brown fox jumps over the lazy dog " * (size // 40))
        path = self.folder / f"{name}.json"
        path.write_text(frame % words[:size - len(frame) + 2])
        return path

    def note(self, target, figure, value):
        self.results.setdefault(target.name, {}).setdefault(figure, []).append(value)

    def start_upstream(self):
        self.upstream = Simulator(self.folder, "simulator", "--plain", "--records", "0").start()
        pin(self.upstream.pid, OTHER_CORE)

    def start_nginx(self):
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX % {"folder": self.folder, "port": port,
                                   "upstream": self.upstream.port})
        self.nginx = Process("nginx", ["nginx", "-c", config, "-p", self.folder], self.folder)
        self.nginx.spawn()
        wait_until(lambda: children(self.nginx.pid), "nginx")
        pids = [self.nginx.pid, *children(self.nginx.pid)]
        return Target("nginx", port, pids)

    def start_proxy(self):
        provider = Suite.provider(self.upstream, max_parallel=4096,
                                  queue={"max": 4096, "timeout": "10s"})
        self.suite = Suite(self.upstream, {
            "providers": [provider], "proxy": {"threads": 1, "max_connections": 16000},
            "prices": {"overrides": [{"provider": "*", "model": "sim", "input": 1.0,
                                      "output": 4.0}]}}).start()
        key = self.suite.create_key("bench", "--rpm", "1000000000", "--tpm", "1000000000000",
                                    "--parallel", "100000", "--budget", "1000000")["key"]
        for process in self.suite.processes.values():
            pin(process.pid, OTHER_CORE)
        pin(self.suite.proxy.pid, GATEWAY_CORE)
        self.daemons_pss = round(sum(p.memory_kb() for p in self.suite.processes.values()) / 1024,
                                 1)
        return Target("llm-proxy", self.suite.port, [self.suite.proxy.pid],
                      f"Authorization: Bearer {key}")

    def closed(self, target, name, body):
        self.upstream.script("size=700")
        target.load("closed", body, "-c", 64, "-s", 1)
        before = target.cpu_seconds()
        result = target.load("closed", body, "-c", 64, "-s", self.seconds)
        self.note(target, f"req/s {name}", result["requests"] / result["seconds"])
        if target.pids:
            self.note(target, f"CPU us/req {name}",
                      (target.cpu_seconds() - before) * 1e6 / max(1, result["requests"]))

    def open(self, target):
        result = target.load("open", self.small, "-r", 200, "-s", self.seconds)
        self.note(target, "latency p50 us", result["p50_us"])
        self.note(target, "latency p99 us", result["p99_us"])

    def translate(self, target):
        """The same chat in the provider's own API and in another, in turns."""
        if not target.header:
            return
        self.upstream.script("size=700")
        for name, body in ("4 KB", self.chat_4k), ("4 KB translated", self.messages_4k):
            result = target.load("open", body, "-r", 200, "-s", self.seconds)
            self.note(target, f"latency p50 us {name}", result["p50_us"])
            self.note(target, f"latency p99 us {name}", result["p99_us"])
        result = Target("direct", self.upstream.port, []).load("open", self.chat_4k, "-r", 200,
                                                               "-s", self.seconds)
        self.note(target, "latency p99 us 4 KB direct", result["p99_us"])
        self.upstream.script(f"stream,chunks={CHUNKS}")
        for name, body in ("", self.streamed), (" translated", self.messages_streamed):
            before = target.cpu_seconds()
            result = target.load("closed", body, "-c", 16, "-s", self.seconds)
            self.note(target, f"CPU us/chunk{name}", (target.cpu_seconds() - before) * 1e6 /
                      max(1, result["requests"] * CHUNKS))

    def stream(self, target):
        self.upstream.script("stream,stamp,chunks=100,interval=20ms")
        result = target.load("stream", self.streamed, "-c", 50, "-s", self.seconds)
        self.note(target, "SSE delay p50 us", result["p50_us"])
        self.note(target, "SSE delay p99 us", result["p99_us"])

    def hold(self, target):
        """Memory while 1,000 streams are open."""
        if not target.pids:
            return
        self.upstream.script("stream,stamp,chunks=100,interval=500ms")
        before = self.upstream.stats()["requests"]
        load = subprocess.Popen(target.load_command("stream", self.streamed, "-c", 1000, "-s", 6),
                                stdout=subprocess.PIPE, text=True)
        wait_until(lambda: self.upstream.stats()["requests"] >= before + 1000, "1,000 streams", 20)
        time.sleep(2)
        rss, pss = target.memory_mb()
        events = json.loads(load.communicate()[0])["events"]
        if events < 5000:
            print(f"!! {target.name}: only {events} events of 1,000 streams", file=sys.stderr)
        self.note(target, "RSS MB 1,000 streams", rss)
        self.note(target, "PSS MB 1,000 streams", pss)

    def run(self, targets):
        for target in targets:
            if target.pids:
                rss, pss = target.memory_mb()
                self.note(target, "RSS MB idle", rss)
                self.note(target, "PSS MB idle", pss)
        for number in range(self.rounds):
            for target in targets:
                self.closed(target, "1 KB", self.small)
                self.closed(target, "100 KB", self.large)
                if target.header:  # one question, asked of the upstream once
                    self.closed(target, "1 KB from the cache", self.kept)
                self.open(target)
                self.stream(target)
                self.translate(target)
                print(f"round {number + 1}: {target.name}", file=sys.stderr)
        for target in targets:
            self.hold(target)

    def medians(self):
        found = {name: {figure: round(statistics.median(values), 1)
                        for figure, values in figures.items()}
                 for name, figures in self.results.items()}
        for name, figures in found.items():
            if name != "direct":
                for q in ("p50", "p99"):
                    figures[f"added latency {q} us"] = round(
                        figures[f"latency {q} us"] - found["direct"][f"latency {q} us"], 1)
        return found


FIGURES = ["req/s 1 KB", "CPU us/req 1 KB", "req/s 100 KB", "CPU us/req 100 KB",
           "req/s 1 KB from the cache", "CPU us/req 1 KB from the cache",
           "latency p50 us", "latency p99 us", "added latency p50 us", "added latency p99 us",
           "SSE delay p50 us", "SSE delay p99 us",
           "latency p99 us 4 KB direct", "latency p50 us 4 KB", "latency p99 us 4 KB",
           "latency p50 us 4 KB translated", "latency p99 us 4 KB translated",
           "CPU us/chunk", "CPU us/chunk translated",
           "RSS MB idle", "PSS MB idle", "RSS MB 1,000 streams", "PSS MB 1,000 streams"]


def print_table(found):
    names = list(found)
    print(f"{'':<24}" + "".join(f"{name:>14}" for name in names))
    for figure in FIGURES:
        cells = (found[name].get(figure) for name in names)
        print(f"{figure:<24}" + "".join(f"{'-' if c is None else format(c, ',.1f'):>14}"
                                        for c in cells))


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()[0]}


def main(quick):
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench = Bench(pathlib.Path(name), quick)
        bench.start_upstream()
        targets = [Target("direct", bench.upstream.port, []), bench.start_nginx()]
        bench.suite = None
        if (BUILD / "services/llm-proxy/llm-proxy").exists():
            targets.append(bench.start_proxy())
        found = {}
        try:
            bench.run(targets)
            found = bench.medians()
            if bench.suite:
                found["llm-proxy"]["PSS MB idle, three daemons"] = bench.daemons_pss
                found["llm-proxy"]["READY ms"] = {
                    n: round(s * 1000) for n, s in bench.suite.ready_seconds.items()}
        finally:
            if bench.suite:
                with contextlib.redirect_stdout(io.StringIO()):  # not its logs
                    bench.suite.stop()
            bench.nginx.stop()
            bench.upstream.stop()
    print_table(found)
    print(json.dumps({"machine": machine(), "rounds": bench.rounds, "results": found}))


if __name__ == "__main__":
    main(sys.argv[1:] == ["quick"])
