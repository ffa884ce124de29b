"""The map from the fault table's rows to the tests that show them: each name must be a test that is
there, and a row whose figure is a count runs in full with SOAK=1."""
import ast
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent
ROWS = {
    "U-01": ["upstream_faults::u01", "failover::with_another_provider", "fetch_faults::refused_is"],
    "U-02": ["upstream_faults::u02", "failover::alone", "fetch_faults::a_blackhole_is"],
    "U-03": ["upstream_faults::u03", "failover::alone", "proxy_routing::a_silent_target"],
    "U-04": ["proxy_faults::a_stall_in_mid_stream", "fetch_faults::silence_in_the_middle"],
    "U-05": ["upstream_faults::u05", "proxy_faults::a_reset_at_any_of_the_first_200_bytes",
             "proxy_faults::a_reset_after_a_part", "proxy_faults::a_whole_answer_cut_anywhere"],
    "U-06": ["upstream_faults::u06_garbage", "upstream_faults::u06_the_breaker",
             "proxy_faults::what_no_answer_is_becomes"],
    "U-07": ["upstream_faults::u07", "fetch_faults::a_body_over_the_limit"],
    "U-08": ["upstream_faults::u08", "fetch_faults::a_drip_moves"],
    "U-09": ["proxy_standing::u09_a_target_rests", "proxy_standing::u09_an_absurd_wait",
             "proxy_standing::u09_when_all_rest"],
    "U-10": ["proxy_standing::u10_a_burst", "proxy_standing::u10_no_more_repeats"],
    "U-11": ["failover::alone", "fetch_tls::an_expired_certificate", "fetch_tls::a_self_signed",
             "fetch_tls::a_certificate_for_another", "fetch_tls::a_handshake_that_is_cut"],
    "U-12": ["upstream_faults::u12", "fetch_faults::a_name_without_an_address"],
    "U-13": ["upstream_faults::u13", "fetch_faults::a_redirect_is_not"],
    "U-14": ["fetch_faults::what_is_not_http", "fetch_faults::a_complete_answer",
             "fetch_faults::an_answer_may_end"],
    "U-15": ["upstream_faults::u15", "fetch_faults::a_head_without_end"],
    "U-16": ["upstream_faults::u16"],
    "U-17": ["upstream_faults::u17", "fetch_faults::a_stale_connection",
             "fetch_faults::there_is_one_resend", "fetch_faults::an_answer_that_has_begun"],
    "E-03": ["stream_faults::e03", "proxy_faults::a_line_over_the_ceiling"],
    "E-04": ["stream_faults::e04"],
    "E-05": ["stream_faults::e05"],
    "E-06": ["stream_faults::e06"],
    "E-07": ["stream_faults::e07_a_comment", "proxy_routing::comments_keep_a_client",
             "proxy_routing::comments_fill"],
    "C-01": ["proxy_cancel::the_upstream_connection_is_closed"],
    "C-02": ["proxy_cancel::the_upstream_connection_is_closed",
             "proxy_cancel::a_client_that_waits_in_line",
             "proxy_cancel::a_client_that_leaves_during_back_off"],
    "C-03": ["client_faults::c03", "http_server::a_client_that_only_shuts"],
    "C-04": ["client_faults::c04"],
    "C-05": ["client_faults::c05", "proxy_cancel::half_of_many_clients",
             "cache::each_byte_belongs"],
}


def names_in(file):
    tree = ast.parse((HERE / f"test_{file}.py").read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test_")]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_tests(row):
    for place in ROWS[row]:
        file, _, begin = place.partition("::")
        assert [n for n in names_in(file) if n.startswith(f"test_{begin}")], place


def test_every_row_is_there():
    want = [f"{letter}-{n:02d}" for letter, first, last in (("U", 1, 17), ("E", 3, 7), ("C", 1, 5))
            for n in range(first, last + 1)]
    assert list(ROWS) == want
