"""The same server behind TLS: only what is strong, and nothing lost on the way."""
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from http_echo import Answers, Echo, table
from suite import SLOW, now_us, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


def make_certificate(folder, name):
    """A self-signed certificate for localhost and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def start(tmp_path):
    servers = []

    def start_one(**settings):
        certificate, key = make_certificate(tmp_path, "one")
        server = Echo(tmp_path, certificate=certificate, key=key, **settings).start()
        server.tls = ssl.create_default_context(cafile=str(certificate))
        servers.append(server)
        return server
    yield start_one
    for server in servers:
        server.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bodies_of_all_sizes_and_streams_arrive_whole(start, version):
    server = start()
    server.tls.minimum_version = server.tls.maximum_version = version
    with contextlib.closing(server.connect()) as s:
        answers = Answers(s)
        for size in (0, 1, 1000, 16384, 16385, 65536, 300_000, 1 << 20):
            body = os.urandom(size)
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + body)
            assert answers.read().body == body
        s.sendall(GET % b"/stream?n=1000" + GET % b"/late?ms=5" + GET % b"/x")
        assert len(answers.read().body) == 1_000_000
        assert answers.read().headers["x-path"] == "/late"
        assert answers.read().headers["x-path"] == "/x"


def test_the_table_has_the_same_verdicts(start):
    server = start()
    wrong = []
    for verdict, number, name, data in table():
        if len(data) > 40000:
            continue
        with contextlib.closing(server.connect()) as s:
            s.sendall(data)
            answers = Answers(s)
            found = [answers.read(data.split()[0].decode("latin-1"))
                     for _ in range(number if verdict == "accept" else 1)]
            if any(a is None or a.status != (200 if verdict == "accept" else number) for a in found):
                wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("limit", [
    lambda c: (setattr(c, "maximum_version", ssl.TLSVersion.TLSv1_1),
               c.set_ciphers("ALL:@SECLEVEL=0")),
    lambda c: (setattr(c, "maximum_version", ssl.TLSVersion.TLSv1_2),
               c.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")),
    lambda c: c.set_alpn_protocols(["h2"])])
def test_what_is_weak_or_another_protocol_gets_no_handshake(start, limit):
    server = start()
    strict = server.tls
    server.tls = ssl.create_default_context(cafile=server.args[1].split("=", 1)[1])
    server.tls.minimum_version = ssl.TLSVersion.TLSv1
    limit(server.tls)
    with pytest.raises(ssl.SSLError):
        server.connect()
    server.tls = strict
    server.tls.set_alpn_protocols(["h2", "http/1.1"])
    with contextlib.closing(server.connect()) as s:
        assert s.selected_alpn_protocol() == "http/1.1"


def test_clear_text_is_turned_away(start):
    server = start()
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as s:
        s.settimeout(5)
        s.sendall(GET % b"/")
        with contextlib.suppress(ConnectionResetError):
            assert s.recv(100)[:1] in (b"", b"\x15")  # an alert at most
    assert server.stats()["requests"] == 0


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02"])
def test_a_handshake_must_be_over_in_time(start, begun):
    server = start(header_timeout=500)
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as s:
        s.settimeout(10)
        s.sendall(begun)
        t = time.monotonic()
        assert s.recv(100) == b"" and abs(time.monotonic() - t - 0.5) < 0.5 * SLOW


def test_a_client_that_leaves_is_reported_at_once(start):
    server = start()
    for i, behind in enumerate([b"", GET % b"/x", (GET % b"/x") * 8000], 1):
        s = server.connect()
        s.sendall(GET % b"/never" + behind)
        wait_until(lambda: server.stats()["in_flight"] == 2, "the request to be under way")
        left_at = now_us()
        s.close()
        stats = wait_until(lambda: (found := server.stats())["gone"] == i and found, "the report")
        assert stats["gone_at"] - left_at < 10_000 * SLOW * 5


def test_a_client_that_does_not_read_is_cut_and_one_that_is_slow_is_not(start):
    server = start(write_timeout=1000)
    silent = server.connect(receive_buffer=4096)
    silent.sendall(GET % b"/stream?n=100000")
    with contextlib.closing(server.connect(receive_buffer=4096)) as slow:
        slow.sendall(GET % b"/stream?n=1500")
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            piece = slow.recv(16384)
            assert piece
            data += piece
            time.sleep(0.005)
        assert data.count(b"x") == 1_500_000
    wait_until(lambda: server.stats()["gone"] == 1, "the silent one to be cut")
    silent.close()


def test_the_end_is_announced(start):
    server = start()
    with contextlib.closing(server.connect()) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = Answers(s)
        assert answers.read().status == 200
        assert s.recv(1) == b""  # a truncation would raise SSLEOFError


def test_a_new_certificate_is_used_for_new_connections_only(start, tmp_path):
    server = start()
    kept = server.connect()
    certificate, key = make_certificate(tmp_path, "two")
    shutil.copy(certificate, tmp_path / "one.pem")
    shutil.copy(key, tmp_path / "one.key")
    server.signal(signal.SIGHUP)
    server.tls = ssl.create_default_context(cafile=str(certificate))

    def subject():
        with contextlib.suppress(ssl.SSLError), contextlib.closing(server.connect()) as s:
            return s.getpeercert()["subject"] == ((("commonName", "two"),),)
    wait_until(subject, "the new certificate")
    kept.sendall(GET % b"/")
    assert Answers(kept).read().status == 200
    kept.close()


@pytest.mark.parametrize("spoil,why", [
    (lambda f: (f / "a.pem").write_text("nonsense"), "the certificate cannot be read"),
    (lambda f: (f / "a.key").unlink(), "the key cannot be read"),
    (lambda f: shutil.copy(f / "b.key", f / "a.key"), "the key does not belong to the certificate"),
    (lambda f: subprocess.run(["openssl", "ec", "-in", f / "b.key", "-out", f / "a.key", "-aes256",
                               "-passout", "pass:secret"], check=True, capture_output=True),
     "the key cannot be read")])
def test_files_that_do_not_fit_are_refused_with_the_reason(tmp_path, spoil, why):
    certificate, key = make_certificate(tmp_path, "a")
    make_certificate(tmp_path, "b")
    spoil(tmp_path)
    server = Echo(tmp_path, certificate=certificate, key=key)
    server.spawn(stdout=subprocess.DEVNULL)
    assert server.child.wait(10) == 1 and why in server.log()
