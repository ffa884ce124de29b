"""A peer on the daemons' bus, spelled out from proto/README.md: what the C code must agree with."""
import json
import struct

import zmq

COUNT, CONDENSE, RETRIEVE, REPLY, ERROR = 1, 2, 3, 4, 5


def header(kind, correlation_id=0, magic=0x4C, version=1, flags=0):
    return struct.pack("<BBHIQ", magic, version, kind, flags, correlation_id)


class Reply:
    def __init__(self, frames):
        magic, version, self.kind, self.flags, self.correlation_id = struct.unpack("<BBHIQ", frames[0])
        assert (magic, version) == (0x4C, 1)
        self.fields = json.loads(frames[1])
        self.raw = frames[2] if len(frames) > 2 else None

    @property
    def messages(self):
        return json.loads(self.raw)


class ContextClient:
    """A DEALER on context.sock."""

    def __init__(self, suite):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.immediate = True
        self.socket.reconnect_ivl = 20
        self.socket.rcvhwm = 0
        self.socket.connect(f"ipc://{suite.folder}/run/context.sock")
        self.last_id = 0

    def send_frames(self, *frames, timeout=5.0):
        assert self.socket.poll(int(timeout * 1000), zmq.POLLOUT), "nobody on context.sock"
        self.socket.send_multipart(frames)

    def send(self, kind, messages, **fields):
        request = {"model": "small", "dialect": "openai", "mode": "mask", "session": "",
                   "tenant": "", "budget_tokens": 0, "keep_last": 4, "deadline_us": 10_000_000,
                   **fields}
        self.last_id += 1
        self.send_frames(header(kind, self.last_id), json.dumps(request).encode(), messages)
        return self.last_id

    def receive(self, timeout=10.0):
        """The next reply; None when there is none in time."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        return Reply(self.socket.recv_multipart())

    def ask(self, kind, messages, timeout=10.0, **fields):
        asked = self.send(kind, messages, **fields)
        reply = self.receive(timeout)
        assert reply is not None and reply.correlation_id == asked
        return reply

    def close(self):
        self.context.destroy(0)
