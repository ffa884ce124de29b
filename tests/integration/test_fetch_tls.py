"""TLS upstreams: what is not certain is refused before a single HTTP byte; HTTP/2 works and cancels."""
import shutil
import socket
import ssl
import subprocess

import pytest

from fetch_upstream import HELLO, Upstream, answering, fetch, run_probe
from suite import SLOW, free_port, wait_until

CA_CONFIG = """
[ca]
default_ca = d
[d]
dir = {dir}
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = p
copy_extensions = copy
[p]
commonName = supplied
"""


class Authority:
    """A certificate authority in a folder; `certificate()` gives paths of certificate and key."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        (folder / "ca.cnf").write_text(CA_CONFIG.format(dir=folder))
        (folder / "index").touch()
        (folder / "serial").write_text("1000\n")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out",
                     "ca.pem", "-subj", "/CN=Test CA", "-days", "30")
        self.path = folder / "ca.pem"

    def openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], cwd=self.folder, check=True,
                       capture_output=True)

    def certificate(self, name, names, begin="20200101000000Z", end="20450101000000Z"):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                     f"{name}.csr", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
        self.openssl("ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-cert", "ca.pem",
                     "-keyfile", "ca.key", "-out", f"{name}.pem", "-startdate", begin, "-enddate",
                     end, "-notext")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def self_signed(self):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out",
                     "self.pem", "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days", "30")
        return self.folder / "self.pem", self.folder / "self.key"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.certificate("good", "IP:127.0.0.1,DNS:localhost")


def server_context(certificate, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


def https(upstream):
    return f"https://127.0.0.1:{upstream.port}"


def test_a_good_certificate_is_accepted_and_the_connection_used_again(authority, good):
    with Upstream(answering(HELLO), tls=server_context(good)) as upstream:
        found = run_probe(https(upstream), "--ca", authority.path, "--count", 3, "--method", "POST",
                          "--body", "{}", "--header", "Authorization: Bearer x")
    assert [(f.result, f.status, f.body) for f in found] == [("ok", 200, "hello")] * 3
    assert len(upstream.connections) == 1
    head, body = upstream.requests[0]
    assert sorted(head.decode().lower().split("\r\n")[1:]) == sorted(
        [f"host: 127.0.0.1:{upstream.port}", "authorization: bearer x", "content-length: 2"])
    assert body == b"{}"


def refused(upstream, *args):
    found = fetch(https(upstream), "--header", "Authorization: Bearer secret", *args)
    assert found.result == "tls" and found.connected_ms < 0 and found.status == 0
    assert all(not c.received and not c.requests for c in upstream.connections)


def test_without_its_authority_a_certificate_is_refused(good):
    with Upstream(answering(HELLO), tls=server_context(good)) as upstream:
        refused(upstream)


def test_an_authority_file_that_is_missing_refuses(good, tmp_path):
    with Upstream(answering(HELLO), tls=server_context(good)) as upstream:
        refused(upstream, "--ca", tmp_path / "missing.pem")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("then", [None, lambda c: c.close()], ids=["kept", "resumed"])
def test_what_others_trust_is_not_trusted(authority, good, tmp_path, version, then):
    """Two origins on one host and port, one with the right authority, one with another: neither the
    connections of the first nor its sessions serve the second."""
    stranger = Authority(tmp_path)
    with Upstream(answering(HELLO, then), tls=server_context(good, version)) as upstream:
        found = run_probe(https(upstream), "--ca", authority.path, "--other-ca", stranger.path,
                          "--count", 6)
    assert [f.result for f in found] == ["ok", "tls"] * 3
    assert len(upstream.requests) == 3


def test_nor_over_http2(authority, nginx, tmp_path):
    url, log = nginx
    stranger = Authority(tmp_path / "stranger")
    summary = fetch(url, "--ca", authority.path, "--other-ca", stranger.path, "--path", "/hello",
                    "--count", 40, "--parallel", 4, "--quiet", 1)
    assert (summary.ok, summary.of) == (20, 40)
    assert len(log.read_text().splitlines()) == 20


def test_an_expired_certificate_is_refused(authority):
    certificate = authority.certificate("expired", "IP:127.0.0.1", end="20210101000000Z")
    with Upstream(answering(HELLO), tls=server_context(certificate)) as upstream:
        refused(upstream, "--ca", authority.path)


def test_a_certificate_for_another_name_is_refused(authority):
    certificate = authority.certificate("other", "DNS:other.example")
    with Upstream(answering(HELLO), tls=server_context(certificate)) as upstream:
        refused(upstream, "--ca", authority.path)


def test_a_self_signed_certificate_is_refused(authority):
    with Upstream(answering(HELLO), tls=server_context(authority.self_signed())) as upstream:
        refused(upstream, "--ca", authority.path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_protocols_are_refused(authority, good, version):
    with Upstream(answering(HELLO), tls=server_context(good, version)) as upstream:
        refused(upstream, "--ca", authority.path)


@pytest.mark.parametrize("kind", ["close", "reset"])
def test_a_handshake_that_is_cut(authority, kind):
    """The peer has read the client's hello, and nothing more."""
    received = []

    def script(connection):
        connection.more()
        received.append(connection.received)
        getattr(connection, kind)()
    with Upstream(script) as upstream:
        found = fetch(https(upstream), "--ca", authority.path)
    assert found.result == "tls" and received[0][0] == 0x16


def test_a_peer_that_does_not_speak_tls(authority):
    with Upstream(lambda c: (c.more(), c.send(HELLO), c.wait_closed())) as upstream:
        assert fetch(https(upstream), "--ca", authority.path).result == "tls"


def test_a_silent_handshake_is_a_connect_timeout(authority):
    with Upstream(lambda c: c.wait_closed()) as upstream:
        found = fetch(https(upstream), "--ca", authority.path, "--connect", 300)
    assert found.result == "connect_timeout" and found.done_ms >= 290


@pytest.mark.parametrize("goodbye", [True, False])
def test_an_answer_that_is_cut_is_no_success(authority, good, goodbye):
    def script(connection):
        connection.read_request()
        connection.send(HELLO[:-1])
        if goodbye:
            connection.sock.unwrap()
        else:
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
    with Upstream(script, tls=server_context(good)) as upstream:
        found = fetch(https(upstream), "--ca", authority.path)
    assert (found.result, found.body) == ("reset", "hell")


def test_cancelling_closes_at_once(authority, good):
    with Upstream(answering(HELLO[:-1], then=lambda c: c.wait_closed()),
                  tls=server_context(good)) as upstream:
        found = run_probe(https(upstream), "--ca", authority.path, "--cancel-at", 1, "--count", 9)
    delays = sorted(c.closed_at - f.done_us / 1e6 for c, f in zip(upstream.connections, found))
    assert len(delays) == 9 and delays[4] < 0.005 * SLOW


# HTTP/2

NGINX = """
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
worker_processes 1;
events {{ worker_connections 200; }}
http {{
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    log_format version "$server_protocol $connection $status $body_bytes_sent $request_time";
    access_log {dir}/access.log version;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location = /hello {{ default_type text/plain; return 200 "hello"; }}
        location = /missing {{ return 404 "no"; }}
        location /slow {{ root {dir}/www; limit_rate 100k; }}
        location / {{ root {dir}/www; }}
    }}
}}
"""


@pytest.fixture
def nginx(good, tmp_path):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not program:
        pytest.skip("nginx is not installed")
    port = free_port()
    (tmp_path / "www/slow").mkdir(parents=True)
    (tmp_path / "www/large").write_bytes(b"0123456789" * 200_000)
    (tmp_path / "www/slow/large").write_bytes(b"0123456789" * 200_000)
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(dir=tmp_path, port=port, certificate=good[0], key=good[1]))
    tmp_path.chmod(0o755)
    child = subprocess.Popen([program, "-c", str(config), "-p", str(tmp_path), "-g", "user root;"],
                             stderr=subprocess.DEVNULL)

    def is_listening():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_until(is_listening, "nginx")
    yield f"https://127.0.0.1:{port}", tmp_path / "access.log"
    child.terminate()
    child.wait(10)


def test_http2_answers_are_answers(authority, nginx):
    url, log = nginx
    found = fetch(url, "--ca", authority.path, "--path", "/hello", "--show", "content-type")
    assert (found.result, found.status, found.body, found.shown) == ("ok", 200, "hello",
                                                                     "text/plain")
    found = fetch(url, "--ca", authority.path, "--path", "/missing")
    assert (found.result, found.status, found.body) == ("ok", 404, "no")
    found = fetch(url, "--ca", authority.path, "--path", "/large", "--pause-at", 100_000,
                  "--pause-for", 100)
    assert found.result == "ok" and found.bytes == 2_000_000 and not found.paused_wrongly
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"HTTP/2.0"}


def test_http2_fetches_share_connections_and_cancel_alone(authority, nginx):
    url, log = nginx
    summary = fetch(url, "--ca", authority.path, "--path", "/large", "--count", 300, "--parallel",
                    20, "--chaos", 7, "--quiet", 1)
    assert summary.of == 300 and 50 < summary.ok < 250
    summary = fetch(url, "--ca", authority.path, "--path", "/hello", "--count", 300, "--parallel",
                    5, "--quiet", 1)
    assert summary.ok == 300
    connections = {line.split()[1] for line in log.read_text().splitlines()[-300:]}
    assert len(connections) <= 5


def test_http2_streams_are_reset_one_by_one(authority, nginx):
    """2 MB would take 20 s; each is cancelled after a moment, and the server is told at once."""
    url, log = nginx
    found = run_probe(url, "--ca", authority.path, "--path", "/slow/large", "--count", 5,
                      "--cancel-after", 200)
    assert [f.result for f in found] == ["cancelled"] * 5
    lines = wait_until(lambda: len(found := log.read_text().splitlines()) == 5 and found,
                       "the server's log entries")
    assert len({line.split()[1] for line in lines}) == 1
    assert all(float(line.split()[4]) < 0.4 * SLOW for line in lines)
