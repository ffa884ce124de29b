"""The suite's programs, started and watched by a test: one class each, real sockets, no sleeping.

A test reads like a story: what the upstream does, how the suite is configured, what the client
asks, what it gets, what the books, counters and logs say. Everything waits for an event: READY=1
on a notify socket, a line on standard output, a record of the simulator.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "UndefinedBehaviorSanitizer")
SANITIZERS = {
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp",
}
SLOW = 5 if "asan" in BUILD.name or "tsan" in BUILD.name else 1  # for deadlines of waiting only
SOAK = os.environ.get("SOAK") == "1"  # full counts
FIGURES = SOAK and SLOW == 1  # and its times asserted: a sanitizer's say nothing

PROGRAMS = {
    "simulator": BUILD / "tests/simulator/simulator",
    "llm-proxy": BUILD / "services/llm-proxy/llm-proxy",
    "context-service": BUILD / "services/context-service/context-service",
    "health-worker": BUILD / "services/health-worker/health-worker",
    "llmctl": BUILD / "services/llmctl/llmctl",
}


def now_us():
    """The simulator's clock."""
    return time.monotonic_ns() // 1000


def wait_until(condition, what, timeout=10.0):
    """The value of `condition()` once it is true; fails after `timeout` seconds."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout * SLOW} s for {what}"
        time.sleep(0.002)


def _ports():
    """Below the range the kernel takes client ports from; each test process begins elsewhere."""
    at = os.getpid() * 7919 % 22000
    while True:
        yield 10000 + at
        at = (at + 1) % 22000


PORTS = _ports()


def free_port():
    """A port that nobody listens on, not handed out before by this process."""
    for port in PORTS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


class Process:
    """One program with its log file; must end with status 0 and without a sanitizer's report."""

    def __init__(self, name, args, folder, env=None):
        self.name = name
        self.args = [str(a) for a in args]
        self.folder = pathlib.Path(folder)
        self.env = {**os.environ, **SANITIZERS, **(env or {})}
        self.child = None
        self.starts = 0

    @property
    def log_path(self):
        return self.folder / f"{self.name}.log"

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def entries(self):
        """The log's JSON lines."""
        found = []
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def spawn(self, **options):
        """Start the program; its log is appended to, as a journal is."""
        with open(self.log_path, "ab") as log:
            options.setdefault("stdout", log)
            self.child = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stderr=log,
                                          env=self.env, **options)
        self.starts += 1

    def start_and_wait_ready(self, timeout=10.0):
        path = self.folder / f"{self.name}.notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            self.env["NOTIFY_SOCKET"] = str(path)
            begun = time.monotonic()
            self.spawn()
            self._wait_ready(notify, begun + timeout * SLOW)
            return time.monotonic() - begun

    def _wait_ready(self, notify, end):
        while True:
            notify.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                if "READY=1" in notify.recv(4096).decode().split("\n"):
                    return
            status = self.child.poll()
            assert status is None, f"{self.name} ended with {status}:\n{self.log()[-4000:]}"
            assert time.monotonic() < end, f"{self.name} is not ready:\n{self.log()[-4000:]}"

    def kill(self, signo=signal.SIGKILL):
        self.child.send_signal(signo)
        self.child.wait(30)

    def signal(self, signo):
        self.child.send_signal(signo)

    @contextlib.contextmanager
    def hung(self):
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def stop(self, timeout=40.0):
        """SIGTERM; the program must say goodbye properly. A program that was killed is left be."""
        if self.child is None or self.child.poll() == -signal.SIGKILL:
            return
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout * SLOW)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise AssertionError(f"{self.name} did not stop on SIGTERM") from None
        for word in SANITIZER_WORDS:
            assert word not in self.log(), f"{self.name}: {word}\n{self.log()[-8000:]}"
        assert self.child.returncode == 0, f"{self.name} ended with {self.child.returncode}"

    def memory_kb(self, field="Pss"):
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines()
                    if line.startswith(field + ":"))


class Simulator(Process):
    """A scripted upstream (`simulator --help`)."""

    def __init__(self, folder, name="simulator", *args):
        super().__init__(name, [PROGRAMS["simulator"], *args], folder)
        self.port = None

    def start(self, port=None):
        if port:
            self.args += ["--port", str(port)]
        self.spawn(stdout=subprocess.PIPE)
        line = self.child.stdout.readline().decode()
        assert line.startswith("listening on "), f"simulator said {line!r}: {self.log()}"
        self.port = int(line.rsplit(":", 1)[1])
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def script(self, *lines, route="chat"):
        """One line a request; the last one stays."""
        answer = request(f"{self.url}/sim/script?for={route}", "POST", "".join(line + "\n" for line in lines).encode())
        assert answer.status == 200, answer.body

    def reset(self):
        assert request(f"{self.url}/sim/reset", "POST", b"").status == 200

    def records(self, since=0, brief=False):
        """What it received, probes left out."""
        found = request(f"{self.url}/sim/record?since={since}" + ("&brief" if brief else "")).json
        return [r for r in found if brief or r["method"] == "POST"]

    def wait_records(self, n, since=0, timeout=10.0):
        return wait_until(lambda: len(found := self.records(since)) >= n and found,
                          f"{n} requests at the upstream", timeout)

    def wait_closed(self, number, timeout=10.0):
        """The record of request `number` once its connection is closed."""
        def closed():
            found = [r for r in self.records(number - 1) if r["number"] == number]
            return found and found[0]["closed"] and found[0]
        return wait_until(closed, f"the end of connection of request {number}", timeout)

    def stats(self):
        return request(f"{self.url}/sim/stats").json


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Of an error in the suite's shape."""
        return self.json["error"]["code"]


def request(url, method="GET", body=None, headers=None, timeout=30.0):
    """One request on a connection of its own."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def connect(port, timeout=10.0, receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(timeout)
    s.connect(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def raw(port, data, timeout=10.0):
    """Send bytes as they are; all that comes back until the peer closes (or is silent)."""
    received = b""
    with connect(port, timeout) as s, contextlib.suppress(OSError):
        s.sendall(data)
        while piece := s.recv(65536):
            received += piece
    return received


class Stream:
    """A streamed answer as it arrives on a socket of its own, down to the framing."""

    def __init__(self, port, body, headers=None, path="/v1/chat/completions", timeout=30.0,
                 receive_buffer=None):
        self.socket = connect(port, timeout, receive_buffer)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Host": "test", "Content-Type": "application/json",
                "Content-Length": str(len(body)), **(headers or {})}
        lines = "".join(f"{k}: {v}\r\n" for k, v in head.items())
        self.socket.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        self.received = bytearray()
        self.body = bytearray()
        self.is_closed = False
        self.has_ended_well = False  # the terminating chunk, or as much as Content-Length promised
        self._body_at = None  # how far the body has been taken out of what was received

    def _more(self):
        try:
            piece = self.socket.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        self.received += piece
        self.is_closed = not piece
        self._take_body()
        return bool(piece)

    def _take_body(self):
        if self._body_at is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
        if self.headers.get("transfer-encoding") == "chunked":
            self._take_chunks()
        else:
            self.body += self.received[self._body_at:]
            self._body_at = len(self.received)
            length = self.headers.get("content-length")
            self.has_ended_well = length is not None and len(self.body) >= int(length)

    def _take_chunks(self):
        while not self.has_ended_well:
            line_end = self.received.find(b"\r\n", self._body_at)
            if line_end < 0:
                return
            n = int(self.received[self._body_at:line_end], 16)
            end = line_end + 2 + n
            if len(self.received) < end + 2:
                return
            self.body += self.received[line_end + 2:end]
            self._body_at = end + 2
            self.has_ended_well = n == 0

    def read_until(self, text, times=1):
        """Fails if the peer closes before `text` has come that often."""
        text = text if isinstance(text, bytes) else text.encode()
        while self.received.count(text) < times:
            assert self._more(), f"closed without {text!r}: {self.received[-2000:]!r}"
        return self.received

    def read_all(self):
        """Until the answer is complete by its framing, or the peer closes."""
        while not self.has_ended_well and self._more():
            pass
        return self.received

    @property
    def head(self):
        return self.received.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def status(self):
        return int(self.head.split(" ", 2)[1])

    @property
    def headers(self):
        pairs = (line.split(":", 1) for line in self.head.split("\r\n")[1:])
        return {k.strip().lower(): v.strip() for k, v in pairs}

    def events(self):
        """The data of each complete event."""
        return ["\n".join(line[6:] for line in event.split("\n") if line.startswith("data: "))
                for event in self.body.decode().split("\n\n")[:-1]
                if "data: " in event]

    def text(self):
        """The model's words, put together."""
        words = []
        for data in self.events():
            choices = json.loads(data).get("choices") if data != "[DONE]" else None
            if choices:
                words.append(choices[0]["delta"].get("content") or "")
        return "".join(words)

    def close(self):
        """Leave now; the time at which it was done, by the simulator's clock."""
        at = now_us()
        self.socket.close()
        return at

    def reset(self):
        at = now_us()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
        return at


class Metrics:
    """An exposition: (name, labels) to value. Refuses what Prometheus would trip over."""

    LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.series = {}
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"TYPE of {name} twice"
                self.types[name] = kind
            elif line and not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name, _, labels = series.partition("{")
                key = (name, frozenset(self.LABEL.findall(labels)))
                assert key not in self.series, f"series {series} twice"
                self.series[key] = float(value)

    def value(self, name, **labels):
        """The sum of the series of `name` that have these labels; 0 when there is none."""
        return sum(value for (have, pairs), value in self.series.items()
                   if have == name and set(labels.items()) <= pairs)

    def has(self, name, **labels):
        return any(have == name and set(labels.items()) <= pairs for have, pairs in self.series)


class Suite:
    """The three daemons on a configuration of their own, in a folder of their own.

    `config` is a dict of the file's sections, laid over the defaults key by key (lists replace).
    """

    def __init__(self, upstream=None, config=None, env=None, services=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="suite-"))
        self.port, self.admin_port = free_port(), free_port()
        self.context_port, self.health_port = free_port(), free_port()
        self.config = self._defaults(upstream)
        for section, value in (config or {}).items():
            if isinstance(value, dict):
                self.config.setdefault(section, {}).update(value)
            else:
                self.config[section] = value
        self.config_path = self.folder / "suite.yaml"
        self.write_config()
        self.processes = {
            name: Process(name, [PROGRAMS[name], "--config", self.config_path], self.folder, env)
            for name in services or ("context-service", "health-worker", "llm-proxy")}
        self.key = None

    def _defaults(self, upstream):
        for name in ("state", "run", "log"):
            (self.folder / name).mkdir()
        defaults = {
            "paths": {"state": str(self.folder / "state"), "runtime": str(self.folder / "run"),
                      "logs": str(self.folder / "log"), "data": str(ROOT / "deploy")},
            "proxy": {"listen": [f"127.0.0.1:{self.port}"],
                      "admin_listen": f"127.0.0.1:{self.admin_port}", "threads": 2,
                      "drain_timeout": "5s"},
            "context": {"listen": f"127.0.0.1:{self.context_port}"},
            "health": {"listen": f"127.0.0.1:{self.health_port}", "interval": "1s"},
            "logging": {"format": "json"},
        }
        if upstream:
            defaults["providers"] = [self.provider(upstream)]
            defaults["models"] = [{"name": "small", "targets": [{"provider": "sim",
                                                                 "model": "sim"}]}]
        return defaults

    @staticmethod
    def provider(upstream, name="sim", **more):
        return {"name": name, "dialect": "openai", "base_url": f"{upstream.url}/v1",
                "backend": "local", **more}

    def write_config(self, text=None):
        """JSON values are YAML: one section a line."""
        lines = (f"{name}: {json.dumps(value)}\n" for name, value in self.config.items())
        self.config_path.write_text(text if text is not None else "".join(lines))

    def __getitem__(self, name):
        return self.processes[name]

    @property
    def proxy(self):
        return self.processes["llm-proxy"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.ready_seconds = {name: p.start_and_wait_ready() for name, p in self.processes.items()}
        if "llm-proxy" in self.processes and PROGRAMS["llmctl"].exists():
            self.key = self.create_key("test")["key"]
        return self

    def ctl(self, *args, check=True):
        done = subprocess.run([PROGRAMS["llmctl"], "--config", self.config_path, *args],
                              capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, f"llmctl {args}: {done.stdout}{done.stderr}"
        return done

    def ctl_json(self, *args):
        return json.loads(self.ctl("--json", *args).stdout)

    def create_key(self, name, *options):
        return self.ctl_json("keys", "create", "--name", name, *options)

    def headers(self, **more):
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **more}

    def chat(self, text="hello", model="small", headers=None, timeout=30.0, **fields):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return request(f"{self.url}/v1/chat/completions", "POST", json.dumps(body).encode(),
                       self.headers(**(headers or {})), timeout)

    def stream(self, text="hello", model="small", headers=None, **fields):
        body = {"model": model, "stream": True,
                "messages": [{"role": "user", "content": text}], **fields}
        return Stream(self.port, body, self.headers(**(headers or {})))

    def admin_token(self):
        return (self.folder / "state/admin.token").read_text().strip()

    def admin(self, path, method="GET", body=None):
        return request(f"http://127.0.0.1:{self.admin_port}{path}", method, body,
                       {"Authorization": f"Bearer {self.admin_token()}"})

    def shows(self, name, value, **labels):
        """The metric comes to `value`: what an answer sets off may be counted after it is read."""
        wait_until(lambda: self.metrics().value(name, **labels) == value,
                   f"{name}{labels or ''} to be {value}")

    def metrics(self, service="llm-proxy"):
        if service == "llm-proxy":
            answer = self.admin("/metrics")
        else:
            port = self.context_port if service == "context-service" else self.health_port
            answer = request(f"http://127.0.0.1:{port}/metrics")
        assert answer.status == 200, answer.body
        return Metrics(answer.body.decode())

    def ledger(self, query="SELECT * FROM requests ORDER BY started_at"):
        """Rows as dicts, through the books' own file."""
        import sqlite3
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/state/ledger.db?mode=ro",
                                                uri=True, timeout=5)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query)]

    def wait_ledger(self, n, timeout=10.0):
        """The rows once there are `n` of them and all are settled."""
        def settled():
            rows = self.ledger()
            return len(rows) >= n and all(row["status"] != "pending" for row in rows) and rows
        return wait_until(settled, f"{n} settled rows in the ledger", timeout)

    def stop(self):
        """Every daemon must end well; the logs are printed, which pytest shows on failure."""
        failures = []
        for process in reversed(self.processes.values()):
            try:
                process.stop()
            except AssertionError as failure:
                failures.append(str(failure))
        for process in self.processes.values():
            print(f"--- {process.name}\n{process.log()[-6000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not failures, "\n".join(failures)


def load(suite, mode, body, seconds, *options):
    """What a client of few instructions sees that asks the same again and again: load.c."""
    path = suite.folder / "load.json"
    path.write_text(json.dumps(body))
    done = subprocess.run(
        [BUILD / "tests/bench/load", mode, "/v1/chat/completions", "-p", str(suite.port),
         "-c", "1", "-s", str(seconds), *options, "-h", f"Authorization: Bearer {suite.key}",
         "-b", path], capture_output=True, text=True, timeout=seconds + 60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong_status"] == found["broken"] == 0, found
    return found
