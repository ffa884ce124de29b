"""The audit trail: what happens is in it, and whoever touches it is found out."""
import contextlib
import gzip
import json
import signal
import sqlite3
import subprocess
import time

import pytest

from load import Load
from suite import SLOW, Suite, request, wait_until

CANARY = "canary-9f3a"


@pytest.fixture
def audited(start_suite, simulator):
    simulator.script("chunks=2")
    return start_suite(simulator, services=["llm-proxy"])


def folder(suite):
    return suite.folder / "log/audit"


def newest(suite):
    return sorted(folder(suite).glob("*.ndjson"))[-1]


def records(suite):
    found = []
    for path in sorted(p for p in folder(suite).iterdir() if p.suffix in (".ndjson", ".gz")):
        with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as f:
            found += [json.loads(line) for line in f]
    return found


def wait_for(suite, event, n=1):
    """The data of the records of `event`, once there are `n`."""
    def found():
        data = [r["data"] for r in records(suite) if r["event"] == event]
        return len(data) >= n and data
    return wait_until(found, f"{n} {event}")


def verify(suite):
    done = suite.ctl("audit", "verify", check=False)
    return done.returncode, done.stdout.strip()


def check_whole(suite):
    status, said = verify(suite)
    assert status == 0 and ", whole" in said, said


def test_what_happens_is_in_the_trail(audited):
    suite = audited
    assert suite.chat(CANARY).status == 200
    assert wait_for(suite, "request.settled")[0].items() >= {
        "api": "chat.completions", "model": "small", "provider": "sim", "status": "success",
        "http_status": 200, "attempts": 1, "tokens_out": 2, "cost_usd": None}.items()
    made = suite.create_key("mine", "--rpm", "1")
    suite.ctl("keys", "update", made["id"], "--rpm", "2")
    bearer = {"Authorization": f"Bearer {made['key']}"}
    statuses = [suite.chat(headers=bearer).status for _ in range(20)]
    assert statuses.count(429) > 10
    suite.ctl("keys", "rotate", made["id"])
    suite.ctl("keys", "revoke", made["id"])
    for event in ("key.created", "key.updated", "key.rotated", "key.revoked"):
        assert wait_for(suite, event)[-1]["key"] == made["id"]
    assert wait_for(suite, "limit.hit") == [{"key": made["id"], "limit": "rpm"}]  # as one

    for _ in range(3):
        assert suite.chat(headers={"Authorization": f"Bearer llm-{CANARY}"}).status == 401
    gone = suite.create_key("gone")
    suite.ctl("keys", "revoke", gone["id"])
    assert suite.chat(headers={"Authorization": f"Bearer {gone['key']}"}).status == 401
    reasons = [data["reason"] for data in wait_for(suite, "auth.failed", 2)]
    assert sorted(reasons) == ["revoked", "unknown"]
    assert request(f"http://127.0.0.1:{suite.admin_port}/admin/keys").status == 401
    assert wait_for(suite, "admin.auth_failed") == [{"peer": "127.0.0.1"}]

    suite.ctl("config", "reload")
    assert wait_for(suite, "config.reloaded")[0]["generation"] == 2
    good = suite.config_path.read_text()
    suite.write_config("paths: [\n")
    suite.proxy.signal(signal.SIGHUP)
    assert "suite.yaml" in wait_for(suite, "config.rejected")[0]["problem"]
    suite.write_config(good)
    actions = [(data["method"], data["path"]) for data in wait_for(suite, "admin.action", 6)]
    assert ("POST", "/admin/keys") in actions and ("POST", "/admin/config/reload") in actions

    check_whole(suite)
    table = suite.ctl("audit", "tail", "-n", "1000").stdout
    assert "key.revoked" in table and made["id"] in table
    assert len(suite.ctl_json("audit", "tail", "-n", "3")) == 3
    metrics = suite.metrics()
    for event in ("request.settled", "key.created", "limit.hit", "service.started"):
        assert metrics.value("audit_records_total", event=event) >= 1
    assert metrics.value("audit_write_errors_total") == 0
    suite.proxy.stop()
    assert records(suite)[-1]["event"] == "service.stopped"
    text = newest(suite).read_text()
    assert CANARY not in text and made["key"] not in text and suite.key not in text
    check_whole(suite)


def edit(lines):
    lines[3] = lines[3].replace('"data":{', '"data":{ ')
    return 4, "edited"


def insert(lines):
    lines.insert(3, lines[3].replace('"seq":4', '"seq":5'))
    return 4, "edited"


def repeat(lines):
    lines.insert(3, lines[1])
    return 4, "repeated"


def delete(lines):
    del lines[3]
    return 4, "records 4 to 4 before it are missing"


def reorder(lines):
    lines[3], lines[4] = lines[4], lines[3]
    return 4, "reordered"


def truncate(lines):
    del lines[-2:]
    return None, "truncated"


@pytest.mark.parametrize("hand", [edit, insert, repeat, delete, reorder, truncate])
def test_a_hand_in_the_trail_is_found_and_named(audited, hand):
    suite = audited
    for _ in range(5):
        assert suite.chat().status == 200
    wait_for(suite, "request.settled", 5)
    suite.proxy.stop()
    path = newest(suite)
    lines = path.read_text().splitlines(keepends=True)
    line, what = hand(lines)
    path.write_text("".join(lines))
    status, said = verify(suite)
    assert status == 1
    assert said.startswith(f"{path}:{line}: " if line else f"{path}: "), said
    assert what in said
    told = json.loads(suite.ctl("--json", "audit", "verify", check=False).stdout)
    assert not told["whole"] and told["file"] == path.name and told["line"] == (line or 0)

    # the service says so when it starts, goes on, and the place stays visible
    suite.proxy.start_and_wait_ready()
    wait_until(lambda: "the audit trail is broken" in suite.proxy.log(), "the log entry")
    wait_for(suite, "audit.broken")
    assert suite.chat().status == 200
    assert verify(suite)[0] == 1


def test_the_chain_survives_kills_under_load(start_suite, simulator):
    simulator.script("chunks=2")
    suite = start_suite(simulator, services=["llm-proxy"], config={
        "providers": [Suite.provider(simulator, max_parallel=1000)]})
    with Load(suite, clients=6) as load:
        for _ in range(5):
            load.wait_for(100)
            suite.proxy.kill()
            check_whole(suite)
            suite.proxy.start_and_wait_ready()
            check_whole(suite)  # while it is written to
        load.wait_for(100)
    suite.proxy.stop()
    check_whole(suite)
    assert "is broken" not in suite.proxy.log()
    assert len([r for r in records(suite) if r["event"] == "request.settled"]) > 500


def test_a_line_cut_short_by_a_crash_is_taken_off(audited):
    suite = audited
    wait_for(suite, "key.created")
    suite.proxy.kill()
    with open(newest(suite), "ab") as f:
        f.write(b'{"seq":99,"time":"2026')
    status, said = verify(suite)
    assert status == 0 and "cut short" in said
    suite.proxy.start_and_wait_ready()
    assert wait_for(suite, "audit.torn") == [{"bytes": 22}]
    check_whole(suite)


def age(suite, days):
    """The newest file becomes one of so many days ago."""
    path = newest(suite)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86400))
    path.rename(path.with_name(f"{day}.ndjson"))
    return day


def test_old_files_are_packed_and_deleted_and_the_chain_survives(audited):
    suite = audited
    days = []
    for old in (100, 95, 40, 35, 5):
        wait_for(suite, "service.started")
        suite.proxy.stop()
        days.append(age(suite, old))
        suite.proxy.start_and_wait_ready()
    names = [f"{days[2]}.ndjson.gz", f"{days[3]}.ndjson.gz", f"{days[4]}.ndjson"]
    wait_until(lambda: sorted(p.name for p in folder(suite).iterdir())[:3] == names,
               "packing and deleting at start")
    # the account of the first may have gone with the second, whose own remains
    assert wait_for(suite, "audit.pruned")[-1]["file"] == f"{days[1]}.ndjson"
    check_whole(suite)
    # by the timer's command: asked of the proxy while it runs, by itself when it does not
    suite.config["audit"] = {"retention_days": 38, "compress_days": 3}
    suite.write_config()
    suite.ctl("config", "reload")
    suite.ctl("audit", "prune")
    wait_until(lambda: not (folder(suite) / names[0]).exists(), "the proxy's pruning")
    wait_until(lambda: (folder(suite) / f"{days[4]}.ndjson.gz").exists(), "the proxy's packing")
    check_whole(suite)
    suite.proxy.stop()
    suite.config["audit"] = {"retention_days": 30, "compress_days": 3}
    suite.write_config()
    assert "0 files packed, 1 deleted" in suite.ctl("audit", "prune").stdout
    check_whole(suite)
    # what nobody accounts for is missed
    (folder(suite) / f"{days[4]}.ndjson.gz").unlink()
    status, said = verify(suite)
    assert status == 1 and "missing" in said


def test_a_second_writer_and_a_foreign_key_file_are_refused(audited):
    suite = audited
    suite.proxy.stop()
    key = suite.folder / "state/audit.key"
    key.chmod(0o644)
    suite.proxy.spawn()
    assert suite.proxy.child.wait(10 * SLOW) == 1
    assert "audit.key: others may read it" in suite.proxy.log()
    key.chmod(0o600)
    suite.proxy.start_and_wait_ready()


def test_books_that_somebody_changed_are_told(audited):
    suite = audited
    assert suite.chat().status == 200
    suite.wait_ledger(1)
    suite.proxy.stop()
    with contextlib.closing(sqlite3.connect(suite.folder / "state/ledger.db")) as db:
        db.execute("UPDATE requests SET tokens_in = tokens_in + 1")
        db.commit()
    suite.proxy.start_and_wait_ready()
    assert "do not add up" in wait_for(suite, "ledger.broken")[0]["what"]


def test_off_there_is_no_trail(start_suite, simulator):
    suite = start_suite(simulator, services=["llm-proxy"], config={"audit": {"enabled": False}})
    assert suite.chat().status == 200
    assert not folder(suite).exists()
    assert suite.ctl("audit", "tail", check=False).returncode == 1
    suite.config["audit"] = {"enabled": True}
    suite.write_config()
    assert "audit.enabled cannot change" in suite.ctl("config", "reload", check=False).stderr


def test_a_full_disk_stops_no_request_and_breaks_no_chain(start_suite, simulator, tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", tmp_path],
                      capture_output=True, check=False).returncode:
        pytest.skip("may not mount a tmpfs here")
    try:
        simulator.script("chunks=2")
        suite = start_suite(simulator, services=["llm-proxy"], config={
            "paths": {}, "audit": {"enabled": True}})
        suite.proxy.stop()
        suite.config["paths"]["logs"] = str(tmp_path)
        suite.write_config()
        (suite.folder / "state/audit.head").unlink()
        suite.proxy.start_and_wait_ready()
        filler = tmp_path / "filler"
        with open(filler, "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
        longest = 0.0
        for _ in range(100):
            begin = time.monotonic()
            assert suite.chat().status == 200
            longest = max(longest, time.monotonic() - begin)
        wait_until(lambda: suite.metrics().value("audit_write_errors_total") > 0, "the count")
        filler.unlink()
        wait_until(lambda: "the audit trail is written again" in suite.proxy.log(), "recovery", 1)
        suite.proxy.stop()
        check_whole(suite)
        lines = newest_in(tmp_path / "audit")
        assert sum(record["event"] == "request.settled" for record in lines) == 100
        print(f"the longest request while the disk was full: {longest * 1000:.1f} ms")
        assert longest < 0.25 * SLOW
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def newest_in(path):
    return [json.loads(line) for line in sorted(path.glob("*.ndjson"))[-1].read_text().splitlines()]
