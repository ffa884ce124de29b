"""context-service by itself: what it answers over HTTP, and how it lives."""
import contextlib
import json
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from suite import BUILD, SLOW, Stream, connect, request, wait_until

IS_PLAIN = SLOW == 1


@pytest.fixture
def service(start_suite):
    return start_suite(services=["context-service"], config={
        "providers": [{"name": "sim", "dialect": "openai", "base_url": "http://127.0.0.1:1/v1"}],
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}],
                    "aliases": ["tiny"]}]})


def post(service, path, body, headers=None, method="POST"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(f"http://127.0.0.1:{service.context_port}{path}", method, body, headers)


def get(service, path):
    return request(f"http://127.0.0.1:{service.context_port}{path}")


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def tool_round(name, output):
    return [{"role": "assistant", "content": None,
             "tool_calls": [{"id": name, "type": "function",
                             "function": {"name": "read", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": name, "content": output}]


def long_session(rounds, lines=100):
    """A conversation of an agent: questions, tool calls with long outputs, answers."""
    found = [{"role": "system", "content": "Be brief."}]
    for n in range(rounds):
        output = "".join(f"line {i} of file {n} has a few words\n" for i in range(lines))
        found += [user(f"question {n}"), *tool_round(f"call_{n}", output), assistant(f"answer {n}")]
    return found + [user("and now?")]


def condense(service, messages, budget, **fields):
    return post(service, "/v1/condense", {"model": "small", "messages": messages, "mode": "mask",
                                          "budget_tokens": budget, **fields})


def test_a_text_a_conversation_and_tools_are_counted_and_the_count_says_it_is_an_estimate(service):
    text = post(service, "/v1/count", {"model": "small", "text": "hello world"}).json
    assert 1 <= text["tokens"] <= 6
    assert text["exact"] is False and text["method"] == "estimate" and 0 < text["margin"] < 1

    one = post(service, "/v1/count", {"model": "small", "messages": [user("hello")]}).json
    two = post(service, "/v1/count", {"model": "small", "messages": [user("hello"), user("x")]}).json
    tools = post(service, "/v1/count", {"model": "small", "messages": [user("hello")], "tools": [
        {"type": "function", "function": {"name": "f", "description": "does a thing"}}]}).json
    assert one["tokens"] < two["tokens"] and one["tokens"] < tools["tokens"]


def test_what_fits_comes_back_as_it_was_spelled(service):
    spelled = b'[ {"content" : "h\\u0069", "role":"user","n":1.50} ]'
    answer = post(service, "/v1/condense",
                  b'{"model":"small","budget_tokens":1000,"messages":' + spelled + b"}")
    assert answer.status == 200 and spelled in answer.body
    assert answer.json["stages"] == [] and answer.json["omitted"] == []
    assert answer.json["tokens_before"] == answer.json["tokens_after"]


def test_old_tool_output_goes_first_and_then_the_oldest_turns(service):
    session = long_session(10)
    whole = post(service, "/v1/count", {"messages": session}).json["tokens"]

    masked = condense(service, session, whole // 2).json
    assert masked["stages"] == ["mask"]
    assert len(masked["messages"]) == len(session)
    assert masked["messages"][3]["content"].startswith("[tool result omitted: ")
    assert masked["messages"][-6:] == session[-6:]
    assert masked["tokens_before"] == whole and masked["tokens_after"] <= whole // 2
    first = masked["omitted"][0]
    assert first["preview"].startswith("line 0 of file 0") and len(first["key"]) == 16

    dropped = condense(service, session, whole // 8).json
    assert dropped["stages"] == ["mask", "drop"]
    kept = dropped["messages"]
    assert kept[0] == session[0] and kept[-1] == session[-1] and kept[1]["role"] == "user"
    assert post(service, "/v1/count", {"messages": kept}).json["tokens"] == dropped["tokens_after"]
    assert dropped["tokens_after"] <= whole // 8 and dropped["epoch"] == 0

    again = condense(service, kept, whole // 8).json
    assert again["messages"] == kept and again["stages"] == []


def test_what_cannot_fit_is_refused_with_numbers(service):
    answer = condense(service, [user("far too long for this " * 50)], 10)
    assert answer.status == 400 and answer.code == "context_length_exceeded"
    assert "the budget is 10" in answer.json["error"]["message"]
    lossless = condense(service, long_session(3), 50, mode="lossless")
    assert lossless.status == 400 and lossless.code == "context_length_exceeded"


@pytest.mark.parametrize("method,path,body,status,code", [
    ("POST", "/v1/count", b"{", 400, "invalid_json"),
    ("POST", "/v1/count", b'{"text":"a","text":"b"}', 400, "invalid_json"),
    ("POST", "/v1/count", b"\xff", 400, "invalid_json"),
    ("POST", "/v1/count", b"[" * 200, 400, "invalid_json"),
    ("POST", "/v1/count", b"{}", 400, "invalid_request"),
    ("POST", "/v1/condense", b'{"messages":[{"role":"user","content":"x"}]}', 400,
     "invalid_request"),
    ("POST", "/v1/condense", b'{"messages":[{"role":"x"}],"budget_tokens":1}', 400,
     "invalid_request"),
    ("GET", "/v1/count", b"", 405, "method_not_allowed"),
    ("POST", "/metrics", b"", 405, "method_not_allowed"),
    ("POST", "/v1/retrieve", b"{}", 400, "invalid_request"),
    ("POST", "/v1/retrieve", b'{"session":"s","key":"0"}', 404, "not_found"),
    ("POST", "/v1/sessions/abc", b"", 405, "method_not_allowed"),
    ("DELETE", "/v1/sessions/abc", b"", 404, "not_found"),
    ("GET", "/v1/sessions/abc", b"", 404, "not_found"),
    ("GET", "/", b"", 404, "not_found"),
])
def test_what_is_wrong_is_said_in_the_suites_shape(service, method, path, body, status, code):
    answer = post(service, path, body, method=method)
    assert (answer.status, answer.code) == (status, code)
    assert set(answer.json["error"]) == {"message", "type", "code", "param"}
    assert ("allow" in answer.headers) == (status == 405)


def test_a_deadline_that_has_passed_is_said_and_one_that_is_none_refused(service):
    body = {"text": "hello"}
    late = post(service, "/v1/count", body, {"x-llm-deadline-ms": "0"})
    assert (late.status, late.code) == (504, "deadline_exceeded")
    wrong = post(service, "/v1/count", body, {"x-llm-deadline-ms": "soon"})
    assert wrong.status == 400 and wrong.json["error"]["param"] == "x-llm-deadline-ms"
    assert post(service, "/v1/count", body, {"x-llm-deadline-ms": "5000"}).status == 200
    assert service.metrics("context-service").value("context_late_total") == 1


def test_health_ready_and_the_page_that_promtool_likes(service):
    assert get(service, "/health").status == 200
    assert get(service, "/ready").status == 200
    page = get(service, "/metrics").body
    check = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert check.returncode == 0 and not check.stderr, check.stdout + check.stderr


def test_every_series_is_there_from_the_start_and_moves(service):
    before = service.metrics("context-service")
    for name, labels in [
            ("context_condensations_total", {"mode": "mask", "stage": "drop"}),
            ("context_cache_size", {"cache": "count"}),
            ("context_cache_hits_total", {"cache": "condense"}),
            ("context_cache_misses_total", {"cache": "condense"}),
            ("context_processing_time_seconds_count", {"op": "retrieve"}),
            ("context_tokens_saved_total", {"model": "other"}),
            ("context_tokens_counted_total", {"model": "other"}),
            ("context_epochs_total", {}), ("context_sessions", {}),
            ("context_prefix_stable_ratio", {}), ("context_service_build_info", {}),
            ("bus_dropped_total", {"socket": "context", "reason": "invalid"}),
            ("bus_messages_total", {"socket": "context", "direction": "in"}),
            ("config_last_reload_successful", {}), ("eventloop_lag_seconds_count", {})]:
        assert before.has(name, **labels), name
    assert "context_count_error_ratio" in before.types

    condense(service, long_session(60), 3000, model="tiny", mode="extract")
    condense(service, [user("x")], 400, model="made up by the client")
    after = service.metrics("context-service")
    assert after.value("context_condensations_total", mode="extract", stage="fold",
                       outcome="condensed") == 1
    assert after.value("context_condensations_total", stage="none", outcome="unchanged") == 1
    assert after.value("context_tokens_saved_total", model="small") > 100
    assert after.value("context_tokens_counted_total", model="other") > 0
    assert not after.has("context_tokens_counted_total", model="made up by the client")
    assert after.value("context_processing_time_seconds_count", op="condense") == 2
    assert after.value("http_requests_total", path="/v1/condense", status="200") == 2


def test_extract_keeps_what_is_asked_for_and_says_where_the_rest_is(service):
    session = long_session(30)
    session[15]["content"] += "\nthe staging replica listens on 54312\n"
    answer = condense(service, session, 3000, mode="extract",
                      query="Where does the staging replica listen?").json
    assert answer["stages"][-2:] == ["extract", "fold"] and answer["tokens_after"] <= 3000
    summary = answer["messages"][1]
    assert summary["role"] == "user" and "listens on 54312" in summary["content"]
    assert summary["content"].startswith("[Earlier conversation, condensed: ")
    assert answer["omitted"][-1]["key"] in summary["content"]
    assert answer["messages"][-1] == session[-1]


def test_a_broken_configuration_is_named_and_the_old_one_kept(service):
    process = service["context-service"]
    good = service.config_path.read_text()
    session = [user("one"), assistant("two"), user("three " * 60), assistant("four")]

    service.write_config(good + "nonsense: 1\n")
    process.signal(signal.SIGHUP)
    wait_until(lambda: service.metrics("context-service").value("config_last_reload_successful") == 0,
               "the reload to be rejected")
    assert f"{service.config_path}:" in process.log() and "nonsense" in process.log()
    assert condense(service, session, 30).status == 400

    service.config["context"]["keep_last"] = 1
    service.write_config()
    process.signal(signal.SIGHUP)
    wait_until(lambda: service.metrics("context-service").value("config_generation") == 2,
               "the reload")
    assert service.metrics("context-service").value("config_last_reload_successful") == 1
    assert get(service, "/ready").status == 200


def test_a_hundred_reloads_under_load_lose_no_answer(service):
    process = service["context-service"]
    good = service.config_path.read_text()
    is_over = threading.Event()
    failures = []

    def load():
        while not is_over.is_set():
            answer = condense(service, long_session(3, 20), 300)
            if answer.status != 200:
                failures.append(answer.body)
    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for n in range(100):
        service.write_config(good if n % 2 else good + "context: [\n")
        process.signal(signal.SIGHUP)
        time.sleep(0.002)
    is_over.set()
    for t in threads:
        t.join()
    assert not failures


def test_sigterm_lets_what_is_under_way_finish(service):
    body = json.dumps({"messages": long_session(400), "budget_tokens": 2000,
                       "mode": "mask"}).encode()
    streams = [Stream(service.context_port, body, path="/v1/condense") for _ in range(4)]

    def are_under_way():
        page = service.metrics("context-service")
        return 4 == (page.value("context_queue_requests") +
                     page.value("http_requests_total", path="/v1/condense"))
    wait_until(are_under_way, "four requests")
    service["context-service"].signal(signal.SIGTERM)
    for s in streams:
        s.read_all()
        assert s.status == 200 and json.loads(s.body)["stages"] == ["mask", "drop"]
        s.close()
    service["context-service"].child.wait(10 * SLOW)
    assert service["context-service"].child.returncode == 0


def test_clients_that_leave_harm_nobody(service):
    body = json.dumps({"messages": long_session(200), "budget_tokens": 2000}).encode()
    for n in range(20):
        with contextlib.closing(Stream(service.context_port, body, path="/v1/condense")) as s:
            (s.reset if n % 2 else s.close)()
    wait_until(lambda: service.metrics("context-service").value("context_queue_requests") == 0,
               "the queue to empty")
    assert condense(service, [user("x")], 100).status == 200


def test_it_is_ready_fast_and_small(service):
    process = service["context-service"]
    if IS_PLAIN:
        assert service.ready_seconds["context-service"] < 0.5
        # of its own: how the libraries' pages are shared depends on who else runs
        assert process.memory_kb("Private_Dirty") < 4 * 1024
    print(f"ready in {service.ready_seconds['context-service'] * 1000:.0f} ms, "
          f"PSS {process.memory_kb('Pss')} KiB, private {process.memory_kb('Private_Dirty')} KiB")


def test_it_says_in_one_line_why_it_cannot_start(service, tmp_path):
    program = BUILD / "services/context-service/context-service"

    def run(*args):
        return subprocess.run([program, *args], capture_output=True, text=True, timeout=20)

    twin = run("--config", service.config_path)
    assert twin.returncode == 1 and "context.sock" in twin.stderr and "in use" in twin.stderr
    absent = run("--config", tmp_path / "none.yaml")
    assert absent.returncode == 2 and len(absent.stderr.splitlines()) == 1
    assert run("--nonsense").returncode == 2
    assert run("--version").stdout.startswith("context-service ")
    assert run("--config", service.config_path, "--check-config").returncode == 0
    printed = run("--config", service.config_path, "--print-config")
    assert printed.returncode == 0 and "context:" in printed.stdout
    assert condense(service, [user("x")], 100).status == 200


def test_a_connection_serves_many_requests(service):
    with connect(service.context_port) as s:
        for _ in range(100):
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while b"}" not in received:
                received += s.recv(4096)
            assert received.startswith(b"HTTP/1.1 200")
