"""An upstream that answers with exactly the bytes a test hands it, for what no script spells."""
import contextlib
import socket
import threading

SSE_HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")


def event(data):
    """An event in a chunk of its own."""
    text = b"data: " + (data if isinstance(data, bytes) else data.encode()) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(text), text)


def delta(content, finish="null"):
    return event('{"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}'
                 % (content, finish))


@contextlib.contextmanager
def blackhole():
    """Never answers a SYN: the accept queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class RawUpstream:
    """`answer(connection, request)` runs in a thread for each request, `request` being the bytes
    received; the connection is closed when it returns anything true."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.open = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.open.add(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while (request := self._read_request(connection)) is not None:
                self.requests.append(request)
                if self.answer(connection, request):
                    break
        self.open.discard(connection)

    @staticmethod
    def _read_request(connection):
        got = b""
        while b"\r\n\r\n" not in got:
            piece = connection.recv(65536)
            if not piece:
                return None
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length:"))
        while len(body) < length:
            piece = connection.recv(65536)
            if not piece:
                return None
            body += piece
        return head + b"\r\n\r\n" + body


def wait_for_close(connection):
    """Until the other side has closed."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
