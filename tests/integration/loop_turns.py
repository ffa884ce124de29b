"""How much processor time the turns of a program's loops take (loop_turns.c)."""
import collections
import pathlib
import struct

from suite import BUILD

LOOP = struct.Struct("16s1000Q")
BUCKET = 10e-6


class LoopTurns:
    """`env` is for the program; turns are seconds, rounded up to a hundred-thousandth."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "loop.turns"
        self.env = {"LD_PRELOAD": str(BUILD / "tests/integration/libloop_turns.so"),
                    "LOOP_TURNS": str(self.path)}
        self.before = collections.Counter()

    def _read(self):
        found = collections.Counter()
        for name, *turns in LOOP.iter_unpack(self.path.read_bytes()):
            if not name.startswith(b"ZMQ"):  # which has a loop of its own, that no request waits for
                found.update({(i + 1) * BUCKET: n for i, n in enumerate(turns) if n})
        return found

    def since_last(self):
        """Length to number, of the turns since this was called last."""
        now = self._read()
        found, self.before = now - self.before, now
        return found


def quantile(turns, q):
    """The length that a share `q` of the turns does not exceed."""
    left = q * turns.total()
    for length in sorted(turns):
        left -= turns[length]
        if left <= 0:
            break
    return length
