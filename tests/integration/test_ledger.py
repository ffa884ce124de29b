"""The books survive what machines do: kill -9, full disks, locks, damaged files.

The probe drives the real spools and the real ledger thread, without the HTTP in front of them.
"""
import os
import random
import re
import resource
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time

import pytest

from suite import BUILD, FIGURES, SLOW, SOAK, wait_until

PROBE = BUILD / "tests/integration/ledger_probe"
THREADS = 3


def start_load(books, tally, cycle):
    process = subprocess.Popen([PROBE, books, "load", str(THREADS), tally, str(cycle)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n", process.stderr.read().decode()
    return process


def kill(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


def read_tally(path):
    """[(opened, settled)] of each worker, as acknowledged before the kill."""
    raw = path.read_bytes()
    return [struct.unpack_from("<QQ", raw, 64 * i) for i in range(THREADS)]


def read_books(books):
    return sqlite3.connect(f"file:{books}/ledger.db?mode=ro", uri=True)


class Probe:
    """The probe in its interactive mode."""

    def __init__(self, books, slots=4096, prefix=()):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*prefix, PROBE, books, "serve", str(slots)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        assert self.process.stdout.readline() == "ready\n", self.log

    @property
    def log(self):
        self.errors.seek(0)
        return self.errors.read()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def cpu_seconds(self):
        """Since its start: what others do with the machine is not in it."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def put(self, n):
        words = self.ask(f"put {n}").split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def wait_for(self, question, answer, seconds):
        deadline = time.monotonic() + seconds * SLOW
        while self.ask(question) != answer:
            assert time.monotonic() < deadline, f"{question} is not {answer}"
            time.sleep(0.005)

    def stop(self):
        self.process.stdin.close()
        assert self.process.stdout.readline() == "stopped\n"
        assert self.process.wait(10 * SLOW) == 0, self.log
        self.process.stdout.close()


def count(books, where="1"):
    db = read_books(books)
    n = db.execute(f"SELECT count(*) FROM requests WHERE {where}").fetchone()[0]
    db.close()
    return n


def read_rows(books):
    """{(cycle, worker): {number: (status, cost, attempts)}} of what the load wrote."""
    rows = {}
    db = read_books(books)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    attempts = dict(db.execute("SELECT id, count(*) FROM attempts GROUP BY id"))
    for row_id, request_id, status, cost in db.execute(
            "SELECT id, request_id, status, cost_nano FROM requests"):
        cycle, worker, number = request_id.split("-")
        mine = rows.setdefault((int(cycle[1:]), int(worker[1:])), {})
        assert int(number) not in mine, f"{request_id} is in the books twice"
        mine[int(number)] = (status, cost, attempts.get(row_id, 0))
    db.close()
    return rows


def check_worker(rows, opened, settled):
    assert len(rows) in (opened, opened + 1)  # one may have been opened and not acknowledged
    for k, (status, cost, attempts) in rows.items():
        if k < settled:
            assert (status, cost, attempts) == ("success", 7 * k + 1, 1), f"{k} was acknowledged"
        elif k > settled:  # settled itself may have been settled and not acknowledged
            assert (status, cost, attempts) == ("unknown", None, 0)


def test_fifty_kills_under_load_lose_nothing_and_double_nothing(tmp_path):
    books, tally = tmp_path / "books", tmp_path / "tally"
    books.mkdir()
    tallies = {}
    for cycle in range(50):
        process = start_load(books, tally, cycle)
        time.sleep(random.uniform(0, 0.12))
        kill(process)
        for worker, numbers in enumerate(read_tally(tally)):
            tallies[cycle, worker] = numbers
    assert sum(settled for _, settled in tallies.values()) > 1000

    Probe(books).stop()  # takes up the last spools
    rows = read_rows(books)
    assert not rows.keys() - tallies.keys()
    for who, (opened, settled) in tallies.items():
        check_worker(rows.get(who, {}), opened, settled)


def restart_with_a_full_spool(books):
    """Seconds until it is ready: by the clock, and of a processor."""
    books.mkdir()
    holder = sqlite3.connect(books / "ledger.db")  # a lock keeps the spool from draining
    slots = 131072  # of 512 bytes: 64 MiB
    Probe(books, slots).stop()
    probe = Probe(books, slots)
    holder.execute("BEGIN IMMEDIATE")
    put = probe.put(50000)
    assert put["full"] > 0
    probe.process.kill()
    probe.process.wait()
    holder.rollback()
    holder.close()

    begin = time.monotonic()
    again = Probe(books, slots)
    took, spent = time.monotonic() - begin, again.cpu_seconds()
    print(f"64 MiB, {put['put']} requests: ready after {took:.2f} s, {spent:.2f} s of a processor")
    again.stop()
    assert count(books, "status = 'success'") == put["put"]
    return took, spent


def test_a_restart_takes_up_a_full_spool_within_a_second(tmp_path):
    took, spent = zip(*(restart_with_a_full_spool(tmp_path / str(i))
                        for i in range(3 if FIGURES else 1)))
    assert min(spent) < 1 * SLOW
    assert min(took) < 1 or not FIGURES


def test_a_lock_of_five_seconds_stops_no_worker_and_loses_nothing(tmp_path):
    probe = Probe(tmp_path)
    assert probe.put(10)["put"] == 10
    probe.wait_for("pending", "0", 2)

    holder = sqlite3.connect(tmp_path / "ledger.db")
    holder.execute("BEGIN IMMEDIATE")
    locked_at = time.monotonic()
    longest = 0
    n = 10
    while time.monotonic() - locked_at < 5:
        put = probe.put(10)
        n += put["put"]
        longest = max(longest, put["longest_us"])
        time.sleep(0.05)
    assert probe.ask("available") == "no"
    holder.rollback()
    holder.close()
    probe.wait_for("available", "yes", 1)
    probe.wait_for("pending", "0", 2)
    probe.stop()
    assert longest < 10_000 * SLOW
    assert "the ledger cannot commit: database is locked" in probe.log
    assert "the ledger commits again" in probe.log
    assert count(tmp_path, "status = 'success'") == n


def test_a_short_lock_is_not_an_outage(tmp_path):
    probe = Probe(tmp_path)
    holder = sqlite3.connect(tmp_path / "ledger.db")
    holder.execute("BEGIN IMMEDIATE")
    probe.put(10)
    for _ in range(40):
        assert probe.ask("available") == "yes"
        time.sleep(0.01)
    holder.rollback()
    holder.close()
    probe.wait_for("pending", "0", 2)
    probe.stop()
    assert count(tmp_path) == 10


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MiB in a mount namespace that ends with its holder."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user and mount namespaces here")
    holder = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c",
         'mount -t tmpfs -o size=3m none "$1" && echo ready && cat', "sh", tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"ready\n"
    inside = ["nsenter", "-U", "-m", "--preserve-credentials", "-t", str(holder.pid)]
    yield tmp_path, inside
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()


def test_a_full_disk_is_an_outage_until_there_is_room(small_disk):
    disk, inside = small_disk
    probe = Probe(disk, 1024, inside)
    n = probe.put(100)["put"]
    probe.wait_for("pending", "0", 2)

    subprocess.run([*inside, "dd", "if=/dev/zero", f"of={disk}/filler", "bs=4k"],
                   capture_output=True, check=False)
    deadline = time.monotonic() + 10 * SLOW
    longest = 0
    while probe.ask("available") == "yes":
        put = probe.put(2)
        n += put["put"]
        longest = max(longest, put["longest_us"])
        assert time.monotonic() < deadline, "the disk is full and nobody noticed"
        time.sleep(0.02)
    put = probe.put(2000)  # the spool is bounded: what does not fit is refused
    n += put["put"]
    assert put["full"] > 0
    assert max(longest, put["longest_us"]) < 10_000 * SLOW

    subprocess.run([*inside, "rm", f"{disk}/filler"], check=True)
    probe.wait_for("available", "yes", 1)
    probe.wait_for("pending", "0", 2)
    n += probe.put(1)["put"]
    probe.stop()
    assert "the ledger cannot commit" in probe.log and "commits again" in probe.log
    script = ("import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("
              "'SELECT count(*) FROM requests').fetchone()[0])")
    rows = subprocess.run([*inside, "python3", "-c", script, disk / "ledger.db"],
                          capture_output=True, text=True, check=True).stdout
    assert int(rows) == n


def fill_disk(disk, inside):
    subprocess.run([*inside, "dd", "if=/dev/zero", f"of={disk}/filler", "bs=1k"],
                   capture_output=True, check=False)


def ask_inside(disk, inside, query):
    script = ("import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
              ".fetchone())")
    return subprocess.run([*inside, "python3", "-c", script, disk / "ledger.db", query],
                          capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_on_a_full_disk_it_starts_and_catches_up_later(small_disk, end):
    disk, inside = small_disk
    probe = Probe(disk, 1024, inside)
    n = probe.put(100)["put"]
    probe.wait_for("pending", "0", 2)
    fill_disk(disk, inside)
    if end == "killed":
        n += probe.put(150)["put"]  # which can only be spooled
        assert int(probe.ask("pending")) > 0
        probe.process.kill()
        probe.process.wait()
    else:
        probe.stop()
        fill_disk(disk, inside)

    probe = Probe(disk, 1024, inside)
    if end == "killed":
        assert probe.ask("available") == "no"
    n += probe.put(5)["put"]
    probe.wait_for("available", "no", 5)
    n += probe.put(5)["put"]
    subprocess.run([*inside, "rm", f"{disk}/filler"], check=True)
    probe.wait_for("available", "yes", 1)
    probe.wait_for("pending", "0", 2)
    n += probe.put(1)["put"]
    probe.stop()
    assert "cannot be written" in probe.log or "cannot commit" in probe.log
    assert ask_inside(disk, inside, "SELECT count(*) FROM requests WHERE status = 'success'") == \
        str(n)
    assert ask_inside(disk, inside, "SELECT sum(requests) FROM usage_days") == str(n)


def refused(books):
    process = subprocess.run([PROBE, books, "serve", "64"], input="", text=True,
                             capture_output=True, timeout=10 * SLOW, check=False)
    assert process.returncode == 1
    assert len(process.stderr.strip().splitlines()) == 1, process.stderr
    return process.stderr


@pytest.fixture
def good_books(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    probe = Probe(books)
    probe.put(2000)
    probe.stop()
    return books


def test_a_second_writer_is_refused_within_a_tenth_of_a_second(good_books):
    probe = Probe(good_books)
    begin = time.monotonic()
    assert "another process writes to it" in refused(good_books)
    assert time.monotonic() - begin < 0.1 * SLOW
    probe.stop()


@pytest.mark.parametrize("damage", ["magic", "cut", "empty"])
def test_damaged_books_are_refused_and_left_alone(good_books, damage):
    path = good_books / "ledger.db"
    data = bytearray(path.read_bytes())
    if damage == "magic":
        data[:16] = b"this is no books"
    elif damage == "cut":
        del data[len(data) // 2:]
    else:
        data.clear()
    path.write_bytes(data)
    assert "it is damaged" in refused(good_books)
    assert path.read_bytes() == bytes(data)


def is_found_damaged(books):
    """At start, or by the reading of all rows that follows it."""
    try:
        probe = Probe(books)
    except AssertionError as error:
        return "it is damaged" in str(error) or "malformed" in str(error)
    deadline = time.monotonic() + 1 * SLOW
    while probe.ask("available") == "yes" and time.monotonic() < deadline:
        time.sleep(0.01)
    probe.put(10)  # it stays readable evidence: nothing is written to it any more
    probe.stop()
    return "ledger.db is damaged" in probe.log


def test_a_page_overwritten_by_noise_is_found(good_books, tmp_path):
    source = (good_books / "ledger.db").read_bytes()
    rng = random.Random(1)
    for _ in range(100 if SOAK else 10):
        copy = tmp_path / "copy"
        shutil.copytree(good_books, copy)
        page = rng.randrange(len(source) // 4096)
        data = bytearray(source)
        data[page * 4096:page * 4096 + 4096] = rng.randbytes(4096)
        (copy / "ledger.db").write_bytes(data)
        assert is_found_damaged(copy), f"page {page}"
        assert (copy / "ledger.db").read_bytes() == bytes(data)
        shutil.rmtree(copy)


def test_an_amount_changed_within_a_row_is_told(good_books):
    db = sqlite3.connect(good_books / "ledger.db")
    db.execute("UPDATE requests SET cost_nano = cost_nano + 1 WHERE request_id = 'put-77'")
    db.commit()
    db.close()
    probe = Probe(good_books)
    wait_until(lambda: "do not add up to that day's sums" in probe.log, "the check")
    assert probe.ask("available") == "yes"  # no reason to refuse anybody
    probe.stop()


def test_leaving_waits_for_no_check(tmp_path):
    subprocess.run([PROBE, tmp_path, "fill", "600000"], check=True, timeout=120 * SLOW)
    db = sqlite3.connect(tmp_path / "ledger.db")
    db.execute("UPDATE requests SET cost_nano = cost_nano + 1 WHERE cost_nano = 1")
    db.commit()
    db.close()

    def spent_until(is_reached):
        probe = Probe(tmp_path)
        begun = probe.cpu_seconds()
        wait_until(lambda: is_reached(probe, begun), "so much of the check", 30)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        probe.stop()
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    whole = spent_until(lambda probe, _: "do not add up" in probe.log)
    left = min(spent_until(lambda probe, begun: probe.cpu_seconds() > begun + 0.03)
               for _ in range(3))
    print(f"processor time of a check {whole:.2f} s, of one that was left {left:.2f} s")
    assert left < whole / 4


def test_books_of_a_later_version_are_refused(good_books):
    db = sqlite3.connect(good_books / "ledger.db")
    db.execute("PRAGMA user_version = 999")
    db.close()
    assert "later version" in refused(good_books)


NTH = range(1, 201) if SOAK else (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("call, error", [("fdatasync", "EIO"), ("pwrite64", "EIO"),
                                         ("pwrite64", "ENOSPC")])
def test_the_nth_write_fails_and_the_books_stay_whole(tmp_path, call, error):
    """strace counts the calls of each thread: early ones fail at start, later ones in service."""
    started, slowest = 0, 0.0
    for nth in NTH:
        books = tmp_path / f"{call}-{nth}"
        books.mkdir()
        Probe(books, 1024).stop()
        prefix = ["env", "ASAN_OPTIONS=detect_leaks=0",  # LeakSanitizer cannot work under strace
                  "strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}",
                  "-e", f"inject={call}:error={error}:when={nth}..{nth + 2}"]
        n = 0
        try:
            probe = Probe(books, 1024, prefix)
        except AssertionError as refusal:
            assert re.search("disk I/O error|Input/output error|is full", str(refusal))
        else:
            started += 1
            for _ in range(30):
                n += probe.put(5)["put"]
                time.sleep(0.01)
            begin = time.monotonic()
            probe.wait_for("pending", "0", 1)
            slowest = max(slowest, time.monotonic() - begin)
            probe.stop()
        Probe(books, 1024).stop()
        assert count(books, "status = 'success'") == n
        db = read_books(books)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT sum(requests) FROM usage_days").fetchone() == (n or None,)
        db.close()
        shutil.rmtree(books)
    print(f"{call} {error}: {len(NTH)} places, {started} in service, "
          f"all was committed {slowest:.2f} s after the last request")
    assert started >= 3
