"""The API listener with a certificate: chat over TLS, and a renewal without a restart."""
import http.client
import json
import shutil
import signal
import ssl
import time

import pytest

import suite as programs
from test_http_tls import make_certificate


@pytest.fixture
def secured(start_suite, simulator, tmp_path):
    certificate, key = make_certificate(tmp_path, "first")
    suite = start_suite(simulator, config={
        "proxy": {"tls": {"certificate": str(certificate), "key": str(key)}}})
    suite.certificate, suite.certificate_key = certificate, key
    return suite


def chat(suite, trusted):
    context = ssl.create_default_context(cafile=str(trusted))
    connection = http.client.HTTPConnection("localhost")
    connection.sock = context.wrap_socket(programs.connect(suite.port),
                                          server_hostname="localhost")
    try:
        body = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), suite.headers())
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_chat_over_tls_is_answered_and_clear_text_is_not(secured):
    status, answer = chat(secured, secured.certificate)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "echo: hello")
    assert b"echo" not in programs.raw(secured.port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_renewed_certificate_serves_after_a_reload(secured, tmp_path):
    renewed, key = make_certificate(tmp_path, "second")
    shutil.copy(renewed, secured.certificate)
    shutil.copy(key, secured.certificate_key)
    secured.proxy.signal(signal.SIGHUP)
    programs.wait_until(lambda: secured.metrics().value("config_generation") == 2, "the reload")
    assert chat(secured, renewed)[0] == 200


def test_prometheus_reads_when_the_certificate_expires(secured, suite):
    two_days = time.time() + 2 * 86400
    found = secured.metrics().value("tls_certificate_expiry_timestamp_seconds")
    assert abs(found - two_days) < 600
    assert not suite.metrics().has("tls_certificate_expiry_timestamp_seconds")


def test_a_broken_certificate_is_rejected_and_the_old_one_stays(secured, tmp_path):
    trusted = shutil.copy(secured.certificate, tmp_path / "trusted.pem")
    secured.certificate.write_text("no certificate")
    secured.proxy.signal(signal.SIGHUP)
    programs.wait_until(lambda: not secured.metrics().value("config_last_reload_successful"),
                        "the rejection")
    assert any("proxy.tls" in e["message"] for e in secured.proxy.entries())
    assert chat(secured, trusted)[0] == 200
