"""What an installed program is made of: nothing in it helps who finds a hole."""
import subprocess

import pytest

import machine

PROGRAMS = ("llm-proxy", "context-service", "health-worker", "llmctl")


def listing(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=PROGRAMS)
def program(request):
    return machine.BUILD / "services" / request.param / request.param


def test_it_is_loaded_anywhere_and_its_tables_are_read_only(program):
    assert "Type:                              DYN" in listing("readelf", "-hW", program)
    headers, dynamic = listing("readelf", "-lW", program), listing("readelf", "-dW", program)
    assert "GNU_RELRO" in headers
    assert "BIND_NOW" in dynamic and "PIE" in dynamic and "TEXTREL" not in dynamic
    stack = next(line for line in headers.splitlines() if "GNU_STACK" in line)
    assert " RWE " not in stack


def test_overruns_and_stray_jumps_are_caught(program):
    symbols = listing("readelf", "-sW", program)
    assert "__stack_chk_fail" in symbols
    assert "_chk@" in symbols  # FORTIFY
    code = listing("objdump", "-d", "--no-show-raw-insn", program)
    assert code.count("endbr64") > 20  # CET: where an indirect jump may land
