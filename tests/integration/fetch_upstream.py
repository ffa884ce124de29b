"""The other side of a fetch: a raw socket that follows a script, and the program that fetches."""
import contextlib
import json
import os
import socket
import struct
import subprocess
import threading
import time

from suite import BUILD, SANITIZER_WORDS, SLOW

PROBE = BUILD / "tests/integration/fetch_probe"
HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


class Connection:
    """One accepted connection, as a script sees it."""

    def __init__(self, sock, number):
        self.sock = sock
        self.number = number  # from 0
        self.received = b""
        self.requests = []  # (head, body) of each
        self.closed_at = None  # when the peer's end was seen

    def more(self):
        try:
            piece = self.sock.recv(65536)
        except OSError:
            piece = b""
        if not piece and self.closed_at is None:
            self.closed_at = time.monotonic()
        self.received += piece
        return bool(piece)

    def read_request(self):
        """The head of the next request, its body read as well; None at the end."""
        while b"\r\n\r\n" not in self.received:
            if not self.more():
                return None
        head, _, rest = self.received.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self.received = rest
        while len(self.received) < length:
            if not self.more():
                return None
        body, self.received = self.received[:length], self.received[length:]
        self.requests.append((head, body))
        return head

    def send(self, data):
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def drip(self, data, seconds):
        """Byte by byte; ends the script when the peer has gone."""
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(seconds)

    def wait_closed(self):
        while self.more():
            pass
        return self.closed_at

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()


class Upstream:
    """Runs `script(connection)` on a thread for each connection, closes it afterwards."""

    def __init__(self, script, host="127.0.0.1", tls=None, backlog=128):
        self.script = script
        self.tls = tls
        self.connections = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.threads = []

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for c in list(self.connections):
            with contextlib.suppress(OSError):
                c.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)

    def _start(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, len(self.connections))
            self.connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection):
        try:
            if self.tls:
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            self.script(connection)
        except OSError:
            pass
        finally:
            connection.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self):
        return [request for c in self.connections for request in c.requests]


def answering(answer, then=None):
    """A script: the same answer to every request; `then(connection)` after each."""
    def script(connection):
        while connection.read_request() is not None:
            connection.send(answer)
            if then:
                then(connection)
                return
    return script


class Result(dict):
    __getattr__ = dict.__getitem__


def run_probe(url, *args, timeout=60):
    """Every line the program printed. It must end well and leave nothing behind."""
    command = [str(PROBE), "--base", url, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout * SLOW,
                          env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1"})
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert not any(word in done.stderr for word in SANITIZER_WORDS), done.stderr
    return [Result(json.loads(line)) for line in done.stdout.splitlines()]


def fetch(url, *args, **options):
    """What came of one fetch."""
    lines = run_probe(url, *args, **options)
    assert len(lines) == 1, lines
    return lines[0]
