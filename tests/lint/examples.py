#!/usr/bin/env python3
"""The examples in C of a document stand, line by line, in a test that is compiled and run.

    examples.py DOCUMENT TEST
"""
import pathlib
import re
import sys


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def main(document, test):
    document = pathlib.Path(document)
    compiled = "\n".join(lines_of(pathlib.Path(test).read_text()))
    examples = re.findall(r"```c\n(.*?)```", document.read_text(), re.S)
    missing = [e for e in examples if "\n".join(lines_of(e)) not in compiled]
    for example in missing:
        print(f"{document.name}: not in {pathlib.Path(test).name}:\n{example}")
    if not examples:
        print(f"{document.name}: no examples")
    return 1 if missing or not examples else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
