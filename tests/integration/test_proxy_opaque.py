"""Pictures, sound, moderation and ranking pass through: keys, limits and books like a chat's, every
byte but the model's name as it was, both ways."""
import json
import time

import pytest

from raw_upstream import RawUpstream, wait_for_close
from suite import Stream, Suite, request

FORM = {"Content-Type": 'multipart/form-data; boundary="a b"'}


def form(model="native", boundary="a b", sound=b"RIFF\x00\xff\r\n--a c\r\n", more=b""):
    mark = b"--" + boundary.encode()
    return (mark + b'\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
            b"Content-Type: audio/wav\r\n\r\n" + sound + b"\r\n" + mark +
            b'\r\ncontent-disposition: form-data; name="model"\r\n\r\n' + model.encode() +
            b"\r\n" + more + mark + b"--\r\n")


def start(start_suite, upstream, **config):
    return start_suite(upstream, services=["llm-proxy"], config={
        "providers": [Suite.provider(upstream, "openai"),
                      Suite.provider(upstream, "anthropic", dialect="anthropic")],
        "models": [{"name": "native", "targets": [{"provider": "openai", "model": "their model"}]},
                   {"name": "foreign", "targets": [{"provider": "anthropic", "model": "m"}]}],
        **config})


def post(suite, path, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(suite.url + path, "POST", body, suite.headers(**headers))


def only_row(suite, **expected):
    rows = suite.wait_ledger(1)
    assert len(rows) == 1
    assert {k: rows[0][k] for k in expected} == expected
    return rows[0]


@pytest.mark.parametrize("path, api", [("/v1/images/generations", "images"),
                                       ("/v1/moderations", "moderations"),
                                       ("/v1/rerank", "rerank")])
def test_json_passes_but_for_the_models_name(start_suite, simulator, path, api):
    suite = start(start_suite, simulator)
    body = b'{ "n":1.0, "input":"x", "documents":["a","b"],"prompt":"p", "model" : "native" }'
    answer = post(suite, path, body)
    assert answer.status == 200 and answer.headers["x-llm-provider"] == "openai"
    record = simulator.records()[-1]
    assert record["path"] == path
    assert record["body"] == body.decode().replace("native", "their model")
    direct = request(simulator.url + path, "POST", record["body"].encode())
    assert answer.body == direct.body
    only_row(suite, api=api, status="success", provider="openai")


def test_the_usage_in_an_answer_is_in_the_books(start_suite, simulator):
    suite = start(start_suite, simulator)
    assert post(suite, "/v1/images/generations", {"model": "native", "prompt": "p"}).status == 200
    only_row(suite, usage_source="upstream", tokens_in=5, tokens_out=272)


def test_what_is_billed_by_the_second_has_no_price(start_suite, simulator):
    suite = start(start_suite, simulator, prices={"overrides": [
        {"provider": "openai", "model": "their model", "input": 1.0, "output": 1.0}]})
    assert post(suite, "/v1/audio/transcriptions", form(), **FORM).status == 200
    only_row(suite, usage_source="local", cost_nano=None)


def test_sound_comes_as_it_is(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = post(suite, "/v1/audio/speech", {"model": "native", "input": "four", "voice": "v"})
    assert answer.status == 200 and answer.headers["content-type"] == "audio/mpeg"
    assert answer.body.startswith(b"ID3\x04\x00\x00\xff\xfb")
    only_row(suite, api="audio", status="success")


def test_a_form_passes_but_for_the_models_name(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = post(suite, "/v1/audio/transcriptions", form(), **FORM)
    assert answer.status == 200, answer.body
    record = simulator.records()[-1]
    import hashlib
    assert record["body_sha256"] == hashlib.sha256(form("their model")).hexdigest()
    assert dict(record["headers"])["content-type"] == FORM["Content-Type"]


def test_text_in_a_form_comes_as_text(start_suite, simulator):
    suite = start(start_suite, simulator)
    more = (b'--a b\r\nContent-Disposition: form-data; name="response_format"\r\n\r\ntext\r\n')
    answer = post(suite, "/v1/audio/transcriptions", form(more=more), **FORM)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == b"heard 15 bytes\n"


@pytest.mark.parametrize("body, headers, param", [
    (form()[:-6], FORM, None),
    (b"--x--", FORM, None),
    (form(), {"Content-Type": "multipart/form-data"}, None),
    (form(boundary="y" * 71), {"Content-Type": "multipart/form-data; boundary=" + "y" * 71}, None),
    (form(""), FORM, "model"),
    (form("m" * 257), FORM, "model"),
    (form(more=b"--a b\r\nContent-Disposition: form-data; name=model\r\n\r\nx\r\n"), FORM, "model"),
    (b'{"input":"x"}', {}, "model"),
])
def test_a_body_that_names_no_model_is_refused(start_suite, simulator, body, headers, param):
    suite = start(start_suite, simulator)
    answer = post(suite, "/v1/audio/transcriptions", body, **headers)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json["error"]["param"] == param
    assert simulator.records() == []


def test_only_providers_that_have_it_are_asked(start_suite, simulator):
    suite = start(start_suite, simulator)
    answer = post(suite, "/v1/rerank", {"model": "foreign", "query": "q", "documents": []})
    assert (answer.status, answer.json["error"]["param"]) == (400, "model")
    assert "only those of dialect openai" in answer.json["error"]["message"]
    assert post(suite, "/v1/images/..%2fx", {"model": "native"}).status in (400, 404)
    assert post(suite, "/v1/images/a%20b", {"model": "native"}).status == 400
    assert request(suite.url + "/v1/moderations", "POST", b'{"model":"native"}').status == 401
    assert simulator.records() == []


def test_another_target_is_tried_here_too(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "models": [{"name": "m", "targets": [{"provider": "sim", "model": "sim:status=500"},
                                             {"provider": "sim", "model": "good"}]}]})
    for path, body, headers in [("/v1/rerank", {"model": "m", "documents": ["a"]}, {}),
                                ("/v1/audio/transcriptions", form("m"), FORM)]:
        answer = post(suite, path, body, **headers)
        assert answer.status == 200 and answer.headers["x-llm-attempts"] == "2"


def test_the_providers_refusal_is_passed_on(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "models": [{"name": "m", "targets": [{"provider": "sim",
                                             "model": "sim:status=400,error=invalid"}]}]})
    answer = post(suite, "/v1/moderations", {"model": "m", "input": "x"})
    assert answer.status == 400
    only_row(suite, status="error", http_status=400)


def head(kind, more=b"Transfer-Encoding: chunked\r\n"):
    return b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n" + more + b"\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


EVENTS = [b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"a"}\n\n',
          b"data: " + b"x" * 200000 + b"\n\n",
          b'data: {"type":"transcript.text.done","text":"ab","usage":{"type":"tokens",'
          b'"input_tokens":14,"output_tokens":3,"total_tokens":17}}\r\n\r\n']


def test_events_come_as_they_are_and_their_usage_is_seen(start_suite):
    def answer(connection, _):
        connection.sendall(head(b"text/event-stream"))
        whole = b"".join(EVENTS)
        for i in range(0, len(whole), 1000):
            connection.sendall(chunk(whole[i:i + 1000]))
        connection.sendall(b"0\r\n\r\n")
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream)
    s = Stream(suite.port, {"model": "native", "stream": True}, suite.headers(),
               "/v1/audio/transcriptions")
    s.read_all()
    assert s.has_ended_well and bytes(s.body) == b"".join(EVENTS)
    assert s.headers["content-type"] == "text/event-stream"
    only_row(suite, status="success", usage_source="upstream", tokens_in=14, tokens_out=3)
    upstream.close()


@pytest.mark.parametrize("kind, sent, ends_with_error", [
    (b"text/event-stream", EVENTS[0], True), (b"text/event-stream", EVENTS[0][:-1], False),
    (b"audio/mpeg", b"ID3\n\n", False)])
def test_what_is_cut_is_seen_to_be_cut(start_suite, kind, sent, ends_with_error):
    def answer(connection, _):
        connection.sendall(head(kind) + chunk(sent))
        return True
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream)
    s = Stream(suite.port, {"model": "native"}, suite.headers(), "/v1/audio/speech")
    s.read_all()
    assert not s.has_ended_well and bytes(s.body).startswith(sent)
    rest = bytes(s.body)[len(sent):]
    if ends_with_error:
        assert rest.startswith(b"event: error\ndata: ") and b"upstream_truncated" in rest
    else:
        assert rest == b""
    only_row(suite, status="truncated")
    upstream.close()


def test_a_client_that_leaves_ends_the_providers_work(start_suite):
    gone = []

    def answer(connection, _):
        connection.sendall(head(b"audio/mpeg") + chunk(b"ID3"))
        wait_for_close(connection)
        gone.append(time.monotonic())
        return True
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream)
    s = Stream(suite.port, {"model": "native"}, suite.headers(), "/v1/audio/speech")
    s.read_until(b"ID3")
    s.close()
    only_row(suite, status="cancelled")
    assert gone
    upstream.close()


def test_sound_that_nobody_takes_is_not_fetched(start_suite):
    sent = [0]

    def answer(connection, _):
        connection.sendall(head(b"audio/wav"))
        connection.settimeout(1.5)
        try:
            for _ in range(1600):
                connection.sendall(chunk(b"w" * 65536))
                sent[0] += 65536
            connection.sendall(b"0\r\n\r\n")
        except TimeoutError:
            pass
        return True
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream)
    s = Stream(suite.port, {"model": "native"}, suite.headers(), "/v1/audio/speech",
               receive_buffer=4096)
    s.read_until(b"audio/wav")
    before = suite.proxy.memory_kb()
    time.sleep(1.0)
    held = sent[0]
    assert held < 16 << 20, held  # the kernels' buffers, not the proxy
    assert suite.proxy.memory_kb() - before < 4096
    s.close()
    upstream.close()


def test_a_json_answer_that_is_cut_or_is_none_is_no_answer(start_suite):
    bodies = [b'{"data":[', b"<html>no</html>"]

    def answer(connection, _):
        body = bodies.pop(0)
        connection.sendall(head(b"application/json", b"Content-Length: %d\r\n" % len(body)) + body)
    upstream = RawUpstream(answer)
    suite = start(start_suite, upstream, providers=[
        Suite.provider(upstream, "openai", retry={"max": 0}),
        Suite.provider(upstream, "anthropic", dialect="anthropic")])
    for _ in range(2):
        answer = post(suite, "/v1/images/generations", {"model": "native"})
        assert (answer.status, answer.code) == (502, "upstream_invalid")
    upstream.close()


def test_what_passes_through_is_never_answered_from_the_cache(start_suite, simulator):
    suite = start(start_suite, simulator)
    for sound in (b"one", b"three"):
        more = b'--a b\r\nContent-Disposition: form-data; name="response_format"\r\n\r\ntext\r\n'
        answer = post(suite, "/v1/audio/transcriptions", form(sound=sound, more=more), **FORM,
                      **{"x-llm-cache-ttl": "60"})
        assert answer.body == b"heard %d bytes\n" % len(sound)
    for path in ("/v1/images/generations", "/v1/images/edits"):
        answer = post(suite, path, {"model": "native", "temperature": 0},
                      **{"x-llm-cache-ttl": "60"})
        assert answer.status == 200 and answer.headers["x-llm-cache"] == "bypass"
    assert len(simulator.records()) == 4
