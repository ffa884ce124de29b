"""Clients that ask again and again while a test does something to the suite."""
import threading
import time

from suite import Stream


def together(n, work):
    """`work(i)` in n threads; a failure in one is raised here."""
    failures = []

    def run(i):
        try:
            work(i)
        except BaseException as failure:  # noqa: B902
            failures.append(failure)
    threads = [threading.Thread(target=run, args=[i]) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Ask:
    """One request: what was asked, what came back, how long it took."""

    def __init__(self, is_stream):
        self.is_stream = is_stream
        self.status = self.request_id = self.error = None
        self.is_whole = False
        self.begun = self.ended = 0.0

    def __repr__(self):
        return (f"<{'stream' if self.is_stream else 'whole'} {self.status} "
                f"{'whole' if self.is_whole else 'cut'} {self.error}>")


class Load:
    """`clients` threads, every other request a stream; `with` starts and stops them.

    A client that is refused a connection, as while a proxy is restarted, waits a moment."""

    def __init__(self, suite, clients=4, model="small", text="hello", timeout=30.0):
        self.suite = suite
        self.body = {"model": model, "messages": [{"role": "user", "content": text}]}
        self.timeout = timeout
        self.asks = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        is_stream = False
        while not self._stop.is_set():
            is_stream = not is_stream
            ask = self._ask(Ask(is_stream))
            self.asks.append(ask)
            if isinstance(ask.error, ConnectionRefusedError):
                time.sleep(0.005)

    def _ask(self, ask):
        ask.begun = time.monotonic()
        try:
            s = Stream(self.suite.port, {**self.body, "stream": ask.is_stream},
                       self.suite.headers(), timeout=self.timeout)
            s.read_all()
            if s.received:
                ask.status, ask.request_id = s.status, s.headers.get("x-request-id")
            else:
                ask.error = ConnectionResetError("closed without a word")
            ask.is_whole = s.has_ended_well and (not ask.is_stream or s.body.endswith(
                b"data: [DONE]\n\n"))
            s.close()
        except OSError as error:
            ask.error = error
        ask.ended = time.monotonic()
        return ask

    @property
    def failed(self):
        return [ask for ask in self.asks if ask.status != 200 or not ask.is_whole]

    def wait_for(self, n, timeout=60.0):
        """Until `n` more requests are answered."""
        wanted, end = len(self.asks) + n, time.monotonic() + timeout
        while len(self.asks) < wanted:
            assert time.monotonic() < end, f"{len(self.asks)} of {wanted} requests answered"
            time.sleep(0.005)
