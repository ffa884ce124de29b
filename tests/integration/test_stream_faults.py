"""Streams with their figures, by their names in the fault table: E-03 to E-07."""
import json
import random
import threading
import time

import pytest

from loop_turns import LoopTurns, quantile
from raw_upstream import SSE_HEAD, RawUpstream, delta, event, wait_for_close
from suite import FIGURES, SLOW, SOAK, Suite, load


@pytest.fixture
def serve(start_suite):
    """serve(answer): a proxy whose model `small` is at a RawUpstream."""
    started = []

    def begin(answer, **provider):
        started.append(RawUpstream(answer))
        return start_suite(services=["llm-proxy"], config={
            "providers": [Suite.provider(started[-1], retry={"max": 0}, **provider)],
            "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]}]})
    yield begin
    for upstream in started:
        upstream.close()


def memory_kb(suite):
    with open(f"/proc/{suite.proxy.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65530 + b"\n", b": x\n" * 16384],
                         ids=["line", "event", "comment"])
def test_e03_an_event_without_end_is_cut_at_a_mebibyte(serve, piece):
    sent = []

    def answer(connection, _):
        connection.sendall(SSE_HEAD + b"8000000000\r\n")
        while len(sent) < 4096:
            connection.sendall(piece)
            sent.append(len(piece))
            if piece.startswith(b": "):
                time.sleep(0.0005)
    suite = serve(answer, timeouts={"total": "2s"})
    before = memory_kb(suite)
    stream = suite.stream()
    stream.read_all()
    code = json.loads(stream.body)["error"]["code"]
    if piece.startswith(b": "):  # comments hold no memory: the time is what ends them
        assert (stream.status, code) == (504, "upstream_timeout")
    else:
        assert (stream.status, code) == (502, "upstream_invalid")
        assert sum(sent) <= (1 << 20) + (16 << 20)  # with what the sockets hold
    if SLOW == 1:
        assert memory_kb(suite) - before <= 1024 + 64 + 512


NASTY = ["\n\ndata: [DONE]\n\n", "\r\n\r\nevent: error\r\n", "\rdata: x", "\u2028data: [DONE]\u2029", "\x85",
         "event: done", "id: 1", "retry: 1", ": comment", "data:", "\ufeff", "\u0000"[:0], '"}]}', "\\n\\n",
         "\U0001f600", "[DONE]", "\t", " "]


def test_e04_no_text_becomes_an_event(serve):
    n = 100_000 if SOAK else 3_000
    draw = random.Random(4)
    texts = ["".join(draw.choices(NASTY, k=draw.randint(1, 5))) for _ in range(n)]

    def answer(connection, _):
        pieces = [SSE_HEAD]
        for text in texts:
            pieces.append(event(json.dumps({"choices": [{
                "index": 0, "delta": {"content": text}, "finish_reason": None}]},
                ensure_ascii=draw.random() < 0.5)))
        connection.sendall(b"".join(pieces) + delta("", '"stop"') + event("[DONE]") + b"0\r\n\r\n")
    stream = serve(answer).stream()
    stream.read_all()
    events = stream.body.decode().split("\n\n")
    assert stream.has_ended_well and events.pop() == "" and len(events) == n + 2
    for text, got in zip(texts, events):
        assert got.startswith("data: ") and "\n" not in got
        assert json.loads(got[6:])["choices"][0]["delta"]["content"] == text
    assert events[-1] == "data: [DONE]"


def test_e05_a_character_cut_in_two_is_whole_again(serve):
    text = "aé€\U0001f600z" * 3
    raw = ("data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text},
                                               "finish_reason": "stop"}]}, ensure_ascii=False)
           + "\n\ndata: [DONE]\n\n").encode()
    cuts = iter(range(1, len(raw)))

    def answer(connection, _):
        cut = next(cuts)
        for part in (raw[:cut], raw[cut:]):
            connection.sendall((SSE_HEAD if part is not raw[cut:] and raw.startswith(part) else b"")
                               + b"%x\r\n%s\r\n" % (len(part), part))
            time.sleep(0.001)
        connection.sendall(b"0\r\n\r\n")
    suite = serve(answer)
    for _ in range(1, len(raw)):
        stream = suite.stream()
        stream.read_all()
        assert stream.has_ended_well and stream.text() == text


def test_e06_a_chunk_is_passed_on_at_once(start_suite, simulator, tmp_path):
    """100 a second; the measure includes the client's own waking up, so that is a small one."""
    turns = LoopTurns(tmp_path)
    suite = start_suite(simulator, services=["llm-proxy"], env=turns.env if SLOW == 1 else None)
    n = 2000 if SOAK else 200
    simulator.script(f"stamp,chunks={n},interval=10ms")
    if SLOW == 1:
        turns.since_last()
    found = load(suite, "stream", {"model": "small", "stream": True,
                                   "messages": [{"role": "user", "content": "hello"}]}, n // 100)
    print(f"{found['events']} chunks: p50 {found['p50_us']} us, p99 {found['p99_us']} us, "
          f"worst {found['max_us']} us")
    assert found["events"] >= n / 2  # as many as the simulator's own timer allows
    assert found["p50_us"] <= 3000 * SLOW
    if SLOW == 1:
        own = turns.since_last()
        print(f"of which the loop: p50 {quantile(own, 0.5) * 1e6:.0f} us, "
              f"p99 {quantile(own, 0.99) * 1e6:.0f} us, longest {max(own) * 1e6:.0f} us")
        if FIGURES:
            assert quantile(own, 0.999) <= 0.001
            assert found["p50_us"] <= 300 and found["p99_us"] <= 1000 and found["max_us"] <= 2000


def test_e07_a_comment_is_no_token(start_suite, simulator):
    """Comments come while the provider thinks, and the first token is the first token."""
    suite = start_suite(simulator, services=["llm-proxy"],
                        config={"proxy": {"keepalive_comment": "1s"}})
    simulator.script("delay=2500ms")
    begun = time.monotonic()
    stream = suite.stream()
    stream.read_until(": keep-alive\n\n")
    assert 0.9 <= time.monotonic() - begun <= 1.5 * SLOW
    stream.read_all()
    assert stream.body.count(b": keep-alive\n\n") == 2 and stream.text() == "echo: hello"
    assert suite.wait_ledger(1)[0]["ttft_us"] >= 2_400_000
    metrics = suite.metrics()
    assert metrics.value("llm_time_to_first_token_seconds_count", model="small") == 1
    assert metrics.value("llm_time_to_first_token_seconds_sum", model="small") >= 2.4


def test_e07_no_comment_is_sent_within_the_interval(serve):
    goes_on = threading.Event()

    def answer(connection, _):
        connection.sendall(SSE_HEAD + delta("a"))
        goes_on.wait(10)
        connection.sendall(delta("b", '"stop"') + event("[DONE]") + b"0\r\n\r\n")
        wait_for_close(connection)
    suite = serve(answer)
    stream = suite.stream()
    stream.read_until('"a"')
    time.sleep(0.5)  # of 15 s
    goes_on.set()
    stream.read_all()
    assert stream.text() == "ab" and b": keep-alive" not in stream.body
