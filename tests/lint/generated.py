#!/usr/bin/env python3
"""A document's generated part, between its two markers, is what the program prints today.

    generated.py DOCUMENT PROGRAM            is it?
    generated.py --write DOCUMENT PROGRAM    make it so
"""
import difflib
import pathlib
import re
import subprocess
import sys

PART = re.compile(r"(<!-- generated[^\n]*-->\n)(.*?)(<!-- end of the generated part -->)", re.S)


def main(write, document, program):
    document = pathlib.Path(document)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    have = document.read_text()
    if not PART.search(have):
        print(f"{document.name}: no markers of a generated part")
        return 1
    want = PART.sub(lambda m: m.group(1) + printed + m.group(3), have)
    if write:
        document.write_text(want)
    elif have != want:
        diff = difflib.unified_diff(have.splitlines(), want.splitlines(), lineterm="", n=0)
        print("\n".join(list(diff)[:20]))
        print(f"{document.name} is out of date: tests/lint/generated.py --write {document} {program}")
        return 1
    print(f"{document.name}: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] == "--write", *sys.argv[-2:]))
