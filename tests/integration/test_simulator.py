"""The upstream that every other test trusts: does it do what it is told, and see what it is sent?"""
import hashlib
import json
import threading

import pytest

from suite import Stream, now_us, raw, request, wait_until


def chat(simulator, text="hello world", headers=None, **fields):
    body = {"model": "sim", "messages": [{"role": "user", "content": text}], **fields}
    return request(f"{simulator.url}/v1/chat/completions", "POST", json.dumps(body).encode(),
                   headers)


def stream(simulator, model="sim", **fields):
    return Stream(simulator.port, {"model": model, "stream": True,
                                   "messages": [{"role": "user", "content": "hello world"}],
                                   **fields})


def test_an_answer_echoes_the_last_message_and_counts_four_bytes_a_token(simulator):
    answer = chat(simulator).json
    assert answer["choices"][0]["message"]["content"] == "echo: hello world"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def test_a_stream_says_the_same_word_by_word_and_its_usage_when_asked(simulator):
    plain = stream(simulator)
    plain.read_all()
    assert plain.has_ended_well and plain.text() == "echo: hello world"
    assert plain.events()[-1] == "[DONE]" and b"usage" not in plain.received

    asked = stream(simulator, stream_options={"include_usage": True})
    asked.read_all()
    assert json.loads(asked.events()[-2])["usage"]["completion_tokens"] == 5


def test_escapes_and_large_bodies_survive(simulator):
    text = 'a "quoted"\n\\ü\u4e16 ' + "x" * 1_000_000
    assert chat(simulator, text).json["choices"][0]["message"]["content"] == "echo: " + text
    record = simulator.records()[-1]
    assert record["body_bytes"] > 1_000_000


def test_the_record_holds_what_was_sent(simulator):
    before = now_us()
    chat(simulator, headers={"X-Test": "yes"})
    record = simulator.records()[0]
    assert (record["method"], record["path"]) == ("POST", "/v1/chat/completions")
    assert ["X-Test", "yes"] in record["headers"]
    assert json.loads(record["body"])["model"] == "sim"
    assert record["body_sha256"] == hashlib.sha256(record["body"].encode()).hexdigest()
    assert before <= record["arrived_us"] <= record["complete_us"] <= record["finished_us"]
    assert record["finished_us"] <= now_us() and record["sent"] > 0


def test_scripts_come_from_the_route_the_model_and_the_header(simulator):
    simulator.script("status=500", "status=429,retry-after=7", "")
    assert chat(simulator).status == 500
    limited = chat(simulator)
    assert (limited.status, limited.headers["retry-after"]) == (429, "7")
    assert chat(simulator).status == 200
    assert chat(simulator).status == 200
    assert chat(simulator, model="m-sim:status=503").status == 503
    assert chat(simulator, headers={"x-sim": "status=418"}).status == 418
    assert chat(simulator, headers={"x-sim": "nonsense"}).status == 400
    simulator.script("status=500", route="models")
    assert request(f"{simulator.url}/v1/models").status == 500
    simulator.reset()
    assert request(f"{simulator.url}/v1/models").json["data"][0]["id"] == "sim"


def test_times_are_kept(simulator):
    begun = now_us()
    s = stream(simulator, "sim:delay=50ms,first=30ms,chunks=3,interval=20ms")
    s.read_until("\r\n\r\n")
    assert 50_000 <= now_us() - begun < 500_000
    s.read_until("w1")
    assert 80_000 <= now_us() - begun < 500_000
    s.read_all()
    assert 120_000 <= now_us() - begun < 500_000
    assert s.text() == "w1 w2 w3"


def test_a_stamp_is_the_time_of_sending(simulator):
    s = stream(simulator, "sim:stamp,chunks=3,interval=5ms")
    begun = now_us()
    s.read_all()
    stamps = [int(t) for t in s.text().split()]
    assert begun - 5_000 <= stamps[0] < stamps[1] < stamps[2] <= now_us()


@pytest.mark.parametrize("end", ["fin", "rst"])
@pytest.mark.parametrize("n", [0, 1, 17, 250, 700])
def test_an_answer_is_cut_at_the_byte_it_is_told(simulator, end, n):
    s = stream(simulator, f"sim:chunks=20,{end}={n}")
    s.read_all()
    assert s.is_closed and len(s.received) == n
    record = simulator.records()[-1]
    assert (record["sent"], record["closed"]) == (n, "simulator")


@pytest.mark.parametrize("script, starts, has, lacks", [
    ("garbage", b"\x16\x03", b"not HTTP", b"HTTP/1.1"),
    ("html", b"HTTP/1.1 200", b"text/html", b"choices"),
    ("empty", b"HTTP/1.1 200", b"Content-Length: 0", b"choices"),
    ("type=text/plain", b"HTTP/1.1 200", b"text/plain", b"application/json"),
    ("status=302,location=http://127.0.0.1:1/", b"HTTP/1.1 302", b"Location: http://127", b"xyz"),
    ("status=400,body=%7B%22a%22%3A1%2C2%7D", b"HTTP/1.1 400", b'{"a":1,2}', b"choices"),
    ("no-usage", b"HTTP/1.1 200", b"choices", b"usage"),
    ("zero-usage", b"HTTP/1.1 200", b'"prompt_tokens":0', b"xyz"),
    ("no-finish", b"HTTP/1.1 200", b"choices", b"finish_reason"),
])
def test_odd_answers(simulator, script, starts, has, lacks):
    body = b'{"model":"sim","messages":[]}'
    got = raw(simulator.port, b"POST /v1/chat/completions HTTP/1.1\r\nConnection: close\r\n"
              + f"x-sim: {script}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert got.startswith(starts) and has in got and lacks not in got


def test_broken_json_and_odd_stream_endings(simulator):
    answer = chat(simulator, headers={"x-sim": "bad-json"})
    with pytest.raises(ValueError):
        json.loads(answer.body)
    s = stream(simulator, "sim:no-done,no-finish,double-usage",
               stream_options={"include_usage": True})
    s.read_all()
    assert s.has_ended_well and s.received.count(b"prompt_tokens") == 2
    assert b"[DONE]" not in s.received and b"stop" not in s.received


def test_one_huge_line(simulator):
    s = stream(simulator, "sim:size=3MiB,chunks=1")
    s.read_all()
    assert s.has_ended_well and len(s.text()) == 3 << 20


@pytest.mark.parametrize("script", ["silence", "stall=2,chunks=5", "delay=60s"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_is_seen_at_once(simulator, script, leave):
    s = stream(simulator, f"sim:{script}")
    number = simulator.wait_records(1)[0]["number"]
    if script.startswith("stall"):
        s.read_until("w2")
    left_at = getattr(s, leave)()
    record = simulator.wait_closed(number)
    assert record["closed"] == {"close": "fin", "reset": "rst"}[leave]
    assert 0 <= record["closed_us"] - left_at < 200_000
    assert record["finished_us"] is None


def test_a_client_that_does_not_read_holds_only_its_own_answer(simulator):
    s = stream(simulator, "sim:size=20MiB,chunks=1000")
    wait_until(lambda: simulator.stats()["requests"] == 1, "the request")
    assert chat(simulator).status == 200
    s.read_all()
    assert len(s.text()) == 20 << 20


def test_pipelined_requests_are_answered_in_order(simulator):
    body = b'{"model":"sim","messages":[{"role":"user","content":"%d"}]}'
    requests = b""
    for i in range(20):
        text = body % i
        close = b"Connection: close\r\n" if i == 19 else b""
        requests += (b"POST /v1/chat/completions HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s"
                     % (close, len(text), text))
    got = raw(simulator.port, requests)
    places = [got.index(b'"echo: %d"' % i) for i in range(20)]
    assert places == sorted(places)


def test_many_streams_at_once(simulator):
    streams = [stream(simulator, "sim:chunks=5,interval=10ms") for _ in range(200)]
    readers = [threading.Thread(target=s.read_all) for s in streams]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert all(s.text() == "w1 w2 w3 w4 w5" for s in streams)
    assert simulator.stats()["connections_open"] >= 200
