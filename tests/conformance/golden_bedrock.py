#!/usr/bin/env python3
"""The binary streams under golden/bedrock, made of what stands readable in their .frames files.

    golden_bedrock.py            are they?
    golden_bedrock.py --write    make them so
"""
import pathlib
import struct
import sys
import zlib

FOLDER = pathlib.Path(__file__).resolve().parent / "golden/bedrock"


def frame(kind, name, payload):
    headers = b"".join(
        struct.pack(">B", len(key)) + key.encode() + b"\x07" + struct.pack(">H", len(value))
        + value.encode()
        for key, value in ((f":{kind}-type", name), (":content-type", "application/json"),
                           (":message-type", kind)))
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def stream(text):
    """Of lines "event:NAME JSON" and "exception:NAME JSON"."""
    found = b""
    for line in text.splitlines():
        head, _, payload = line.partition(" ")
        found += frame(*head.split(":"), payload.encode())
    return found


def main(write):
    stale = []
    for source in sorted(FOLDER.glob("*.frames")):
        target, want = source.with_suffix(".stream"), stream(source.read_text())
        if write:
            target.write_bytes(want)
        elif not target.exists() or target.read_bytes() != want:
            stale.append(target.name)
    print("\n".join(f"golden/bedrock/{name} is out of date" for name in stale) or "golden: ok")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
