"""Models come to this machine whole and as promised, or not at all."""
import hashlib
import itertools
import json
import os
import re
import threading

import pytest

from page_upstream import PageUpstream
from suite import SLOW, request, wait_until

MIB = 1 << 20


class FileServer(PageUpstream):
    """One file with ranges and an ETag; `cut` breaks the connection after so many bytes of each
    answer, `hold` stops before the end until it is let go."""

    def __init__(self, content, **pages):
        self.content, self.cut, self.etag, self.ranges = content, None, '"one"', []
        self.hold = threading.Event()
        self.hold.set()
        super().__init__({"/model.gguf": self.file, **pages})

    def file(self, handler):
        start = 0
        asked = handler.headers.get("range")
        self.ranges.append(asked)
        condition = handler.headers.get("if-range")
        if asked and (condition is None or condition == self.etag):
            start = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1))
        if start >= len(self.content) > 0:
            return handler.give(b"", 416, content_range=f"bytes */{len(self.content)}")
        handler.send_response(206 if start else 200)
        handler.send_header("content-length", str(len(self.content) - start))
        if self.etag:
            handler.send_header("etag", self.etag)
        if start:
            handler.send_header("content-range",
                                f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.end_headers()
        end = len(self.content) if self.cut is None else min(start + self.cut, len(self.content))
        if not self.hold.is_set():
            handler.wfile.write(self.content[start:start + (end - start) // 2])
            handler.wfile.flush()
            self.hold.wait(60)
            start += (end - start) // 2
        handler.wfile.write(self.content[start:end])
        if end < len(self.content):
            handler.close_connection = True

    def close(self):
        self.hold.set()
        super().close()


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def content():
    return os.urandom(3 * MIB + 17)


@pytest.fixture
def server(content):
    one = FileServer(content)
    yield one
    one.close()


@pytest.fixture
def start_worker(start_suite):
    def start(**config):
        return start_suite(services=["health-worker"], config=config)
    return start


def pull(suite, **body):
    return request(f"http://127.0.0.1:{suite.health_port}/models/pull", "POST",
                   json.dumps(body).encode(), {"content-type": "application/json"})


def models(suite):
    return request(f"http://127.0.0.1:{suite.health_port}/models").json


def ended(suite, answer):
    """The download once it is over."""
    number = answer.json["id"]

    def over():
        found = [p for p in models(suite)["pulls"] if p["id"] == number]
        return found and found[0]["state"] not in ("queued", "running") and found[0]
    return wait_until(over, f"the end of download {number}", 30)


def folder(suite):
    return suite.folder / "state/models"


def files(suite):
    return sorted(path.name for path in folder(suite).iterdir())


def test_a_model_comes_with_its_hash(start_worker, server, content):
    suite = start_worker()
    done = suite.ctl("models", "pull", f"{server.url}/model.gguf", "--sha256", sha(content).upper())
    assert done.stdout == "done\n" and "100 %" in done.stderr
    assert (folder(suite) / "model.gguf").read_bytes() == content
    assert files(suite) == ["model.gguf"]
    assert (folder(suite) / "model.gguf").stat().st_mode & 0o777 == 0o640
    model, = models(suite)["models"]
    assert (model["name"], model["sha256"], model["verified"], model["bytes"]) == (
        "model.gguf", sha(content), True, len(content))
    metrics = suite.metrics("health-worker")
    assert metrics.value("models_downloaded_total") == 1
    assert metrics.value("download_bytes_total") == len(content)
    assert metrics.value("download_active") == 0
    again = suite.ctl("models", "pull", f"{server.url}/model.gguf", "--sha256", sha(content))
    assert again.stdout == "it is there already\n" and len(server.ranges) == 1
    table = suite.ctl("models", "local").stdout
    assert "model.gguf" in table and "done" in table
    suite["health-worker"].stop()
    suite["health-worker"].start_and_wait_ready()
    assert models(suite)["models"] == [model]


def test_a_sidecar_names_the_hash(start_worker, server, content):
    server.pages["/model.gguf.sha256"] = f"{'0' * 64}  other.gguf\n{sha(content)} *model.gguf\n"
    suite = start_worker()
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf?token=secret", sha256="sidecar",
                              name="other-name.gguf"))
    assert found["state"] == "failed" and "no SHA-256" in found["error"]  # of two, neither is its
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf?token=secret", sha256="sidecar"))
    assert found["state"] == "done", found
    model, = models(suite)["models"]
    assert model["verified"] and model["sha256"] == sha(content)
    assert "secret" not in json.dumps(models(suite)) + suite["health-worker"].log()
    del server.pages["/model.gguf.sha256"]
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf", sha256="sidecar"))
    assert found["state"] == "failed" and "404" in found["error"]


def test_an_address_that_is_good_once_is_asked_for_anew(start_worker, server, content):
    """As object stores sign them: each try is redirected to another."""
    numbers, used = itertools.count(), set()

    def signed(handler):
        if handler.path in used:
            handler.give("it has expired", 403)
        else:
            used.add(handler.path)
            server.file(handler)
    server.pages["/signed"] = signed
    server.pages["/latest"] = lambda handler: handler.give(
        "", 302, location=f"{server.url}/signed?{next(numbers)}")
    server.cut = MIB
    suite = start_worker()
    found = ended(suite, pull(suite, url=f"{server.url}/latest", name="model.gguf"))
    assert found["state"] == "done" and len(used) >= 3, found
    assert (folder(suite) / "model.gguf").read_bytes() == content


def test_a_wrong_hash_never_replaces_a_good_file(start_worker, server, content):
    suite = start_worker()
    assert ended(suite, pull(suite, url=f"{server.url}/model.gguf"))["state"] == "done"
    assert not models(suite)["models"][0]["verified"]  # nothing to compare it with
    server.content = content[:-1] + b"!"
    failed = suite.ctl("models", "pull", f"{server.url}/model.gguf", "--sha256", "0" * 64, check=False)
    assert failed.returncode == 1 and "SHA-256" in failed.stderr
    assert (folder(suite) / "model.gguf").read_bytes() == content
    assert files(suite) == ["model.gguf"]
    assert models(suite)["models"][0]["sha256"] == sha(content)
    assert suite.metrics("health-worker").value("models_downloaded_total") == 1


def test_a_broken_connection_is_taken_up_where_it_broke(start_worker, server, content):
    server.cut = MIB
    suite = start_worker()
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf"))
    assert found["state"] == "done", found
    assert (folder(suite) / "model.gguf").read_bytes() == content
    assert server.ranges[0] is None and len(server.ranges) == 4
    assert server.ranges[1:] == sorted(server.ranges[1:]) and server.ranges[3] > f"bytes={2 * MIB}"
    assert suite.metrics("health-worker").value("download_bytes_total") == len(content)


def test_another_file_under_the_same_name_begins_anew(start_worker, server, content):
    other = os.urandom(2 * MIB)
    suite = start_worker()
    server.cut = MIB

    def change(handler):
        FileServer.file(server, handler)
        server.content, server.etag, server.cut = other, '"two"', None
        server.pages["/model.gguf"] = server.file
    server.pages["/model.gguf"] = change
    assert ended(suite, pull(suite, url=f"{server.url}/model.gguf"))["state"] == "done"
    assert (folder(suite) / "model.gguf").read_bytes() == other


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_goes_on_where_it_was(start_worker, server, content, end):
    server.hold.clear()
    suite = start_worker()
    assert pull(suite, url=f"{server.url}/model.gguf", sha256=sha(content)).status == 202
    assert pull(suite, url=f"{server.url}/model.gguf").status == 409
    wait_until(lambda: models(suite)["pulls"][0]["bytes"] >= MIB, "half of it")
    assert suite.metrics("health-worker").value("download_active") == 1
    (folder(suite) / "stray.gguf.part").write_bytes(b"of a download that nobody remembers")
    getattr(suite["health-worker"], end)()
    assert files(suite) == ["model.gguf.part", "stray.gguf.part"]
    had = (folder(suite) / "model.gguf.part").stat().st_size
    server.hold.set()
    suite["health-worker"].start_and_wait_ready()
    wait_until(lambda: files(suite) == ["model.gguf"], "the model")
    assert (folder(suite) / "model.gguf").read_bytes() == content
    assert server.ranges[-1] == f"bytes={had}-"
    wait_until(lambda: models(suite)["pulls"][0]["state"] == "done", "it to be told")


def test_what_a_part_was_of_is_found_out(start_worker, server, content):
    suite = start_worker()
    folder(suite).mkdir(exist_ok=True)
    (folder(suite) / "model.gguf.part").write_bytes(b"of another file")
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf", sha256=sha(content)))
    assert found["state"] == "done", found
    assert (folder(suite) / "model.gguf").read_bytes() == content


def test_a_download_is_cancelled(start_worker, server):
    server.hold.clear()
    suite = start_worker()
    answer = pull(suite, url=f"{server.url}/model.gguf")
    wait_until(lambda: models(suite)["pulls"][0]["bytes"] >= MIB, "half of it")
    at = f"http://127.0.0.1:{suite.health_port}/models/pull/"
    assert request(at + "77", "DELETE").status == 404
    assert request(at + str(answer.json["id"]), "DELETE").status == 202
    assert ended(suite, answer)["state"] == "cancelled"
    assert files(suite) == []


def test_a_disk_s_reserve_is_not_touched(start_worker, server):
    suite = start_worker(health={"disk_reserve": "100TiB"})
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf"))
    assert found["state"] == "failed" and "no room" in found["error"]
    assert files(suite) == [] and suite.metrics("health-worker").value("download_bytes_total") == 0


def test_redirects_are_followed_but_not_anywhere(start_worker, server, content):
    def to(location):
        return lambda handler: handler.give(b"", 302, location=location)
    server.pages["/latest"] = to("/hop")
    server.pages["/hop"] = to(f"{server.url}/model.gguf")
    server.pages["/round"] = to("/round")
    server.pages["/away"] = to("http://192.0.2.1/model.gguf")
    server.pages["/file"] = to("file:///etc/passwd")
    suite = start_worker()
    found = ended(suite, pull(suite, url=f"{server.url}/latest", name="m.gguf", sha256=sha(content)))
    assert found["state"] == "done", found
    for path in ("round", "away", "file"):
        found = ended(suite, pull(suite, url=f"{server.url}/{path}", name="m2.gguf"))
        assert found["state"] == "failed" and "redirect" in found["error"], found
    assert files(suite) == ["m.gguf"]


def test_what_may_not_be_fetched_is_refused(start_worker, server):
    suite = start_worker()
    for body in ({}, {"url": "http://192.0.2.1/m.gguf"}, {"url": "ftp://127.0.0.1/m.gguf"},
                 {"url": "file:///etc/passwd"}, {"url": f"{server.url}/model.gguf", "name": "../m"},
                 {"url": f"{server.url}/model.gguf", "name": "a/b"},
                 {"url": f"{server.url}/model.gguf", "name": ".hidden"},
                 {"url": f"{server.url}/model.gguf", "name": "m.part"},
                 {"url": f"{server.url}/model.gguf", "sha256": "abc"},
                 {"url": "https://user:secret@example.com/m.gguf"},
                 {"provider": "nobody", "model": "m"}, {"url": f"{server.url}/.."}):
        answer = pull(suite, **body)
        assert (answer.status, answer.code) == (400, "invalid_request"), body
    at = f"http://127.0.0.1:{suite.health_port}/models/pull"
    assert request(at, "POST", b'{"url":"x"}').status == 415
    assert request(at, "POST", b"{}", {"content-type": "application/json",
                                       "x-forwarded-for": "192.0.2.1"}).status == 403
    (folder(suite)).mkdir(exist_ok=True)
    (folder(suite) / "link.gguf.part").symlink_to("/etc/passwd")
    found = ended(suite, pull(suite, url=f"{server.url}/model.gguf", name="link.gguf"))
    assert found["state"] == "failed", found
    assert models(suite)["models"] == []


def ollama_lines(*lines):
    def page(handler):
        handler.asked = json.loads(handler.body)
        handler.send_response(200)
        handler.send_header("content-type", "application/x-ndjson")
        handler.end_headers()
        for line in lines:
            handler.wfile.write(json.dumps(line).encode() + b"\n")
        handler.close_connection = True
    return page


def test_an_ollama_fetches_a_model_itself(start_worker, server):
    half = [{"status": "pulling manifest"},
            {"status": "pulling aa", "digest": "sha256:aa", "total": 1000, "completed": 400},
            {"status": "pulling bb", "digest": "sha256:bb", "total": 50, "completed": 50}]
    whole = [*half, {"status": "pulling aa", "digest": "sha256:aa", "total": 1000, "completed": 1000},
             {"status": "verifying sha256 digest"}, {"status": "success"}]
    pages = iter([ollama_lines(*half), ollama_lines(*whole)])

    def next_page(handler):
        next(pages)(handler)
    server.pages.update({"/api/pull": next_page, "/api/tags": {"models": []}, "/api/ps": {"models": []}})
    suite = start_worker(providers=[{"name": "box", "dialect": "ollama", "base_url": server.url,
                                     "probe": {"interval": "1h"}}])
    wait_until(lambda: server.count("/api/tags") == 1, "a probe")
    done = suite.ctl("models", "pull", "llama3.2:3b", "--provider", "box")
    assert done.stdout == "done\n"
    found = models(suite)["pulls"][0]
    assert (found["bytes"], found["total"], found["provider"]) == (1050, 1050, "box")
    assert models(suite)["models"][0]["name"] == "llama3.2:3b"
    wait_until(lambda: server.count("/api/tags") == 2, "its models to be listed anew")
    server.pages["/api/pull"] = ollama_lines({"error": "pull model manifest: file does not exist"})
    failed = suite.ctl("models", "pull", "nosuch", "--provider", "box", check=False)
    assert failed.returncode == 1 and "file does not exist" in failed.stderr


def test_few_run_at_a_time_and_the_others_wait(start_worker, server):
    server.hold.clear()
    suite = start_worker()
    answers = [pull(suite, url=f"{server.url}/model.gguf", name=f"m{i}.gguf") for i in range(4)]
    wait_until(lambda: sum(p["bytes"] >= MIB for p in models(suite)["pulls"]) == 2, "two of them")
    assert suite.metrics("health-worker").value("download_active") == 2
    assert [p["state"] for p in models(suite)["pulls"]] == ["queued", "queued", "running", "running"]
    server.hold.set()
    for answer in answers:
        assert ended(suite, answer)["state"] == "done"
    assert files(suite) == [f"m{i}.gguf" for i in range(4)]


def test_what_is_asked_for_and_what_becomes_of_it_is_audited(start_suite, server, content):
    """Whoever asks; and never with the query, which may hold a secret."""
    suite = start_suite()

    def records():
        lines = [line for path in sorted((suite.folder / "log/audit").glob("*.ndjson"))
                 for line in path.read_text().splitlines()]
        assert not [line for line in lines if "canary" in line]
        found = [json.loads(line) for line in lines]
        return [(r["event"], r["data"]) for r in found if r["event"].startswith("model.")]

    def told(n):
        return wait_until(lambda: len(found := records()) >= n and found, f"{n} records")
    source = f"{server.url}/model.gguf"
    base = {"model": "model.gguf", "source": source}
    answer = pull(suite, url=source + "?token=canary", sha256=sha(content))
    assert ended(suite, answer)["state"] == "done"
    assert told(2) == [("model.asked", {**base, "sha256": sha(content)}),
                       ("model.pulled", {**base, "sha256": sha(content), "bytes": len(content)})]
    assert ended(suite, pull(suite, url=source, sha256="0" * 64))["state"] == "failed"
    assert told(4)[3] == ("model.failed", {
        **base, "reason": "its SHA-256 is another; what came was thrown away"})
    server.hold.clear()
    answers = [pull(suite, url=source, name=f"m{i}.gguf") for i in range(3)]
    wait_until(lambda: models(suite)["pulls"][1]["bytes"] >= MIB, "half of the second")
    at = f"http://127.0.0.1:{suite.health_port}/models/pull/{{}}"
    for answer in reversed(answers):  # first the one that only waits
        assert request(at.format(answer.json["id"]), "DELETE").status == 202
        assert ended(suite, answer)["state"] == "cancelled"
    assert [event for event, _ in told(10)[4:]] == ["model.asked"] * 3 + ["model.cancelled"] * 3
    assert pull(suite, provider="nobody", model="m").status == 400
    assert suite.ctl("audit", "verify").returncode == 0 and len(records()) == 10


def test_a_token_goes_to_the_addresses_below_its_url_only_and_is_never_shown(
        start_worker, server, content, tmp_path):
    shown = []

    def private(handler):
        shown.append((handler.path, handler.headers.get("authorization")))
        if handler.headers.get("authorization") != "Bearer tok-canary":
            return handler.give(b"", 401)
        if handler.path == "/org/away.gguf":
            return handler.give(b"", 302, location=f"{server.url}/cdn/m.gguf")
        handler.give(content)

    def public(handler):
        shown.append((handler.path, handler.headers.get("authorization")))
        handler.give(content)
    server.pages.update({"/org/m.gguf": private, "/org/away.gguf": private, "/other/m.gguf": private,
                         "/cdn/m.gguf": public})
    secret = tmp_path / "token"
    secret.write_text("tok-canary\n")
    suite = start_worker(health={"downloads": [
        {"url": f"{server.url}/org", "token": {"file": str(secret)}}]})
    for name, state in ("org/m.gguf", "done"), ("org/away.gguf", "done"), ("other/m.gguf", "failed"):
        found = ended(suite, pull(suite, url=f"{server.url}/{name}", name=name.replace("/", "-")))
        assert found["state"] == state, found
    assert shown == [("/org/m.gguf", "Bearer tok-canary"), ("/org/away.gguf", "Bearer tok-canary"),
                     ("/cdn/m.gguf", None), ("/other/m.gguf", None)]
    secret.unlink()
    found = ended(suite, pull(suite, url=f"{server.url}/org/m.gguf"))
    assert (found["state"], found["error"]) == ("failed", "the token for it cannot be read")
    database = (suite.folder / "state/health.db").read_bytes()
    assert "tok-canary" not in json.dumps(models(suite)) + suite["health-worker"].log()
    assert b"tok-canary" not in database
    assert "tok-canary" not in suite.ctl("models", "local").stdout
