"""Large prompts are counted beside the loops: figures, so not under a sanitizer."""
import contextlib
import json
import os
import pathlib
import threading
import time

import pytest

from suite import connect, request
from test_counting_proxy import prose, suite  # noqa: F401

SOAK = os.environ.get("SOAK") == "1"


def latencies(suite, key, until, found):
    """One client that asks small things on one connection."""
    body = json.dumps({"model": "unknown", "messages": [{"role": "user", "content": "hi"}]})
    asked = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
             f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
    with contextlib.closing(connect(suite.port)) as s:
        while not until.is_set():
            begun = time.perf_counter()
            s.sendall(asked)
            answer = b""
            while not answer.endswith(b"}}"):
                answer += s.recv(65536)
            found.append(time.perf_counter() - begun)
            time.sleep(0.001)


def send_large(suite, key, prompts):
    text = prose(100_000)
    for n in range(prompts):
        body = json.dumps({"model": "gpt", "max_tokens": 1, "messages": [
            {"role": "user", "content": f"{n} {text}"}]}).encode()
        answer = request(f"{suite.url}/v1/chat/completions", "POST", body,
                         {"Authorization": f"Bearer {key}"})
        assert answer.status == 200


def processor_seconds(suite):
    """Of the proxy's threads that give way to others, and of the others."""
    patient = others = 0
    for task in pathlib.Path(f"/proc/{suite.proxy.child.pid}/task").iterdir():
        nice = int((task / "stat").read_text().rsplit(")", 1)[1].split()[16])
        seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
        patient, others = (patient + seconds, others) if nice > 0 else (patient, others + seconds)
    return patient, others


def test_large_prompts_are_counted_beside_the_loops(suite):
    limited = suite.create_key("limited", "--tpm", "1000000000")["key"]
    spent = {}
    for name, key in (("warm", suite.key), ("uncounted", suite.key), ("counted", limited)):
        before = processor_seconds(suite)
        send_large(suite, key, 20)
        spent[name] = [b - a for a, b in zip(before, processor_seconds(suite))]
    assert spent["uncounted"][0] == 0 < spent["counted"][0]
    assert spent["counted"][1] - spent["uncounted"][1] < spent["counted"][0] / 2, spent


@pytest.mark.skipif(not SOAK, reason="two minutes of measuring: SOAK=1")
def test_large_prompts_delay_nobody_by_a_millisecond(suite):
    limited = suite.create_key("limited", "--tpm", "1000000000")["key"]
    worst = {}
    for name, key in (("alone", None), ("uncounted", suite.key), ("counted", limited)):
        found, until = [], threading.Event()
        small = threading.Thread(target=latencies, args=(suite, suite.key, until, found))
        small.start()
        if key:
            send_large(suite, key, 400)
        else:
            time.sleep(20)
        until.set()
        small.join()
        worst[name] = sorted(found)[int(len(found) * 0.999)]
    assert worst["counted"] - worst["alone"] <= 0.001, worst
