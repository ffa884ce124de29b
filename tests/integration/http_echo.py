"""The echo server of the tests, and the shared table of requests."""
import contextlib
import json
import pathlib
import re
import socket
import subprocess
import time

from suite import BUILD, ROOT, Process

TABLE = ROOT / "tests/unit/http1_cases.txt"


class Echo(Process):
    """http_echo with its settings: Echo(folder, header_timeout=500)."""

    def __init__(self, folder, **settings):
        args = [f"{name}={value}" for name, value in settings.items()]
        super().__init__("http_echo", [BUILD / "tests/integration/http_echo", *args], folder)
        self.port = None
        self.tls = None  # an ssl.SSLContext, when it has a certificate

    def start(self):
        self.spawn(stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline().split()[1])
        return self

    def connect(self, timeout=10.0, receive_buffer=None):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(timeout)
        s.connect(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.tls.wrap_socket(s, server_hostname="localhost") if self.tls else s

    def stats(self):
        with contextlib.closing(self.connect()) as s:
            s.sendall(b"GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return json.loads(Answers(s).read().body)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


class Answer:
    def __init__(self, status, headers, body, is_whole):
        self.status, self.headers, self.body, self.is_whole = status, headers, body, is_whole


class Answers:
    """Reads answers off a socket, one after the other; None at its end."""

    def __init__(self, s):
        self.socket, self.data = s, b""

    def _more(self):
        try:
            piece = self.socket.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        self.data += piece
        return bool(piece)

    def _take(self, n):
        while len(self.data) < n and self._more():
            pass
        piece, self.data = self.data[:n], self.data[n:]
        return piece

    def _line(self):
        while b"\r\n" not in self.data and self._more():
            pass
        line, separator, self.data = self.data.partition(b"\r\n")
        return line if separator else None

    def read(self, method="GET"):
        line = self._line()
        if not line:
            return None
        status = int(line.split()[1])
        headers = {}
        while field := self._line():
            name, value = field.split(b":", 1)
            headers[name.decode().lower()] = value.strip().decode("latin-1")
        if method == "HEAD" or status < 200 or status in (204, 304):
            return Answer(status, headers, b"", True)
        if headers.get("transfer-encoding") != "chunked":
            n = int(headers["content-length"])
            body = self._take(n)
            return Answer(status, headers, body, len(body) == n)
        body = b""
        while size := self._line():
            n = int(size, 16)
            body += self._take(n)
            if self._line() is None:
                break
            if n == 0:
                return Answer(status, headers, body, True)
        return Answer(status, headers, body, False)

    def is_closed(self):
        """Nothing more comes, and the server has shut its side."""
        return not self.data and not self._more()


def _decode(text):
    out, at = b"", 0
    plain = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
    for m in re.finditer(r"\\\{(\d+)\*(?:\((.*?)\)|(.))\}|\\x([0-9a-f]{2})|\\([rnt\\])", text):
        out += text[at:m.start()].encode()
        at = m.end()
        if m[1]:
            out += _decode(m[2] if m[2] is not None else m[3]) * int(m[1])
        else:
            out += bytes([int(m[4], 16)]) if m[4] else plain[m[5]]
    return out + text[at:].encode()


def table():
    """(verdict, number, name, bytes) for every row."""
    for line in TABLE.read_text().splitlines():
        if line and line[0] != "#":
            verdict, name, text = line.split(" | ", 2)
            yield verdict.split()[0], int(verdict.split()[1]), name, _decode(text)


def send_in_pieces(s, data, step):
    """As one segment each, as far as a socket lets us; a server that has closed ends it."""
    if step is None:
        step = len(data) or 1
    with contextlib.suppress(ConnectionError):
        for i in range(0, len(data), step):
            s.sendall(data[i:i + step])
