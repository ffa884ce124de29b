#!/usr/bin/env python3
"""The table of character classes is as its generator wrote it, not edited by hand.

Whether the generator would write the same today is asked where its input is installed:
tests/conformance/test_tokens_exact.py.
"""
import hashlib
import pathlib
import re
import sys

FILE = "common/tokens/unicode_class.c"
AGAIN = f"""regenerate it:
    npm ci --prefix tests/conformance --ignore-scripts
    node tests/conformance/make_unicode_class.mjs > {FILE}"""


def main(root):
    text = (root / FILE).read_text()
    said = re.search(r"([0-9a-f]{64}) is the SHA-256", text)
    tables = re.search(r"/\* clang-format off \*/\n.*/\* clang-format on \*/\n", text, re.S)
    if not said or not tables \
            or hashlib.sha256(tables.group().encode()).hexdigest() != said.group(1):
        print(f"{FILE} was edited; {AGAIN}")
        return 1
    print("unicode_class: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
