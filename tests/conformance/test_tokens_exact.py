"""Our tokens are those of the reference, npm tiktoken, one for one."""
import base64
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess

import pytest

from suite import SOAK, request, wait_until

HERE = pathlib.Path(__file__).resolve().parent
NPM = HERE / "node_modules"
BUILD = pathlib.Path(os.environ["BUILD_DIR"])
ENCODINGS = ("o200k_base", "cl100k_base", "p50k_base", "r50k_base")
SEED = 20250101

# What stands around a character under test: each way a pattern can look at it.
CONTEXTS = ("{}", "a{}", "{}a", "A{}b", " {} ", "1{}2", "!{}!", "'{}s", "\n{}\t{}")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tokens"
    folder.mkdir()
    for name in ENCODINGS:
        subprocess.run([BUILD / "services/llmctl/llmctl", "tokens", "import", "--to", folder,
                        NPM / f"gpt-tokenizer/data/{name}.tiktoken"], check=True)
    return folder


def answers(command, path):
    out = subprocess.run([*command, path], check=True, capture_output=True).stdout
    numbers = struct.unpack(f"<{len(out) // 4}I", out)
    at, lists = 0, []
    while at < len(numbers):
        lists.append(numbers[at + 1:at + 1 + numbers[at]])
        at += 1 + numbers[at]
    return lists


def assert_equal(tables, encoding, texts, tmp_path):
    path = tmp_path / "texts"
    with open(path, "wb") as file:
        for text in texts:
            data = text.encode()
            file.write(struct.pack("<I", len(data)) + data)
    ours = answers([BUILD / "tests/conformance/encode_file", "ids", tables / f"{encoding}.table"],
                   path)
    theirs = answers(["node", HERE / "tiktoken_reference.mjs", "ids", encoding], path)
    assert len(ours) == len(theirs) == len(texts)
    wrong = [(t, a, b) for t, a, b in zip(texts, ours, theirs) if a != b]
    assert not wrong, f"{len(wrong)} of {len(texts)} differ, such as {wrong[0]!r:.2000}"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_public_vectors(tables, encoding, tmp_path):
    plans = (NPM / "gpt-tokenizer/data/TestPlans.txt").read_bytes().decode()
    cases = re.findall(r"EncodingName: (\w+)\nSample: (.*?)\nEncoded: \[([^\]]*)\]", plans, re.S)
    texts = [sample for name, sample, _ in cases if name == encoding]
    assert len(texts) > 50
    assert_equal(tables, encoding, texts, tmp_path)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character(tables, encoding, tmp_path):
    """All of them in a soak, else the first planes' every 16th and each end of a block of 64."""
    points = [cp for cp in range(0x110000) if not 0xd800 <= cp < 0xe000
              and (SOAK or cp < 0x3000 or (cp < 0x20000 and cp % 16 == 5) or cp % 4096 == 7)]
    texts = ["\n".join(context.replace("{}", chr(cp))
                       for cp in points[at:at + 64] for context in CONTEXTS)
             for at in range(0, len(points), 64)]
    assert_equal(tables, encoding, texts, tmp_path)


ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz", "ABCabc", "aB ", " \t\n\r", " \n\u3000\u00a0\u2028\u0085x!",
    "0123456789", "'sStTrReEvVmMlLdD\u017f", "!?./\\-=#*_ \n", "中文字日本語かなカナ한국어",
    "\u0301\u0300aA!\u02b0中\u01c5 ", "\ufeff\u200b\u200da ", "éßñÀÖ\u1e9e",
    "😀👍🏽👨‍👩‍👧🇰🇷", "абвАБВ ", "ابت١٢٣ ", "ab", "aA", "<|endoftext|>", "{}\":,[] \nkeyvalu019",
)
WORDS = ("the", "The", " the", "don't", "I'LL", "\r\n", "  ", "\n\n", "1234567", "http://", "//",
         "/\n", "def ", "()", "日本", "e\u0301", "ПриВет", "camelCaseWord", "HTTPServer", "…", " !",
         "<|im_start|>", "\t\tif", "'ſ", "x'S", "\ufeff")


def fuzz_text(rng):
    parts = []
    for _ in range(rng.randint(1, 6)):
        kind = rng.random()
        if kind < 0.5:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choices(alphabet, k=rng.choice((1, 3, 10, 60, 200)))))
        elif kind < 0.8:
            parts.append("".join(rng.choices(WORDS, k=rng.randint(1, 20))))
        elif kind < 0.9:
            parts.append(rng.choice(rng.choice(ALPHABETS)) * rng.randint(1, 300))
        else:
            parts.append("".join(chr(c) for c in rng.choices(range(1, 0xd800), k=20)))
    return "".join(parts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_seeded_fuzz(tables, encoding, tmp_path):
    rng = random.Random(SEED)
    total = 50_000_000 if SOAK else 600_000
    while total > 0:
        texts = [fuzz_text(rng) for _ in range(2000)]
        assert_equal(tables, encoding, texts, tmp_path)
        total -= sum(len(text.encode()) for text in texts)


@pytest.mark.parametrize("encoding", ENCODINGS[:2])
def test_long_pieces(tables, encoding, tmp_path):
    """Short enough for the reference, whose time grows with the square of the length."""
    rng = random.Random(SEED)
    texts = [unit * (3000 // len(unit)) for unit in
             ("a", "A", " ", "\n", "!", "ab", "aA", "一", "中文", "\u0301", "=-", "<>", "/", "e\u0301")]
    texts += ["".join(rng.choices(alphabet, k=3000)) for alphabet in ALPHABETS]
    assert_equal(tables, encoding, texts, tmp_path)


CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
FRONT = r"[^\r\n\p{L}\p{N}]?"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERNS = {
    "cl100k_base": CONTRACTIONS + "|" + FRONT + r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES,
    "o200k_base": f"{FRONT}{UPPER}*{LOWER}+{CONTRACTIONS}?|{FRONT}{UPPER}+{LOWER}*{CONTRACTIONS}?"
                  r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES,
}


def as_tokenizer_json(encoding):
    """The same encoding as Hugging Face files have it: letters for bytes, all pairs as merges."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    letters = {**{byte: chr(byte) for byte in seen},
               **{byte: chr(256 + i) for i, byte in enumerate(hidden)}}
    ranks = {}
    for line in (NPM / f"gpt-tokenizer/data/{encoding}.tiktoken").read_bytes().splitlines():
        token, rank = line.split()
        ranks["".join(letters[byte] for byte in base64.b64decode(token))] = int(rank)
    merges = []
    for token, rank in ranks.items():
        pairs = [(token[:i], token[i:]) for i in range(1, len(token))
                 if token[:i] in ranks and token[i:] in ranks]
        merges += sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[encoding]}, "behavior": "Isolated",
             "invert": False}
    letters = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return json.dumps({
        "added_tokens": [{"id": 300_000, "content": "<|endoftext|>", "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, letters]},
        "model": {"type": "BPE", "ignore_merges": True, "vocab": ranks, "merges": merges}})


@pytest.mark.parametrize("encoding", PATTERNS if SOAK else ["cl100k_base"])
def test_the_same_encoding_as_a_tokenizer_json_counts_the_same(tables, encoding, tmp_path):
    (tmp_path / "tokenizer.json").write_text(as_tokenizer_json(encoding))
    subprocess.run([BUILD / "services/llmctl/llmctl", "tokens", "import", "--to", tmp_path,
                    "--name", "ours", "--models", "ours*", tmp_path / "tokenizer.json"], check=True)
    rng = random.Random(SEED)
    path = tmp_path / "texts"
    for _ in range(25 if SOAK else 1):
        with open(path, "wb") as file:
            for _ in range(2000):
                data = fuzz_text(rng).encode()
                file.write(struct.pack("<I", len(data)) + data)
        native, imported = (
            [len(ids) for ids in
             answers([BUILD / "tests/conformance/encode_file", "ids", table], path)]
            for table in (tables / f"{encoding}.table", tmp_path / "ours.table"))
        assert native == imported


def start_service(start_suite, data):
    return start_suite(services=["context-service"], config={
        "paths": {"data": str(data)},
        "providers": [{"name": "sim", "dialect": "openai", "base_url": "http://127.0.0.1:1/v1"}],
        "models": [{"name": "small", "targets": [{"provider": "sim", "model": "sim"}]}]})


def count(service, model, text):
    body = json.dumps({"model": model, "text": text}).encode()
    return request(f"http://127.0.0.1:{service.context_port}/v1/count", "POST", body).json


@pytest.mark.parametrize("model,method", [
    ("gpt-4o", "o200k_base"), ("gpt-4o-mini-2024-07-18", "o200k_base"), ("o3-mini", "o200k_base"),
    ("gpt-4.1", "o200k_base"), ("ft:gpt-4o-mini:us", "o200k_base"), ("gpt-4", "cl100k_base"),
    ("gpt-4-turbo", "cl100k_base"), ("gpt-3.5-turbo", "cl100k_base")])
def test_the_service_counts_texts_for_openai_models_exactly(start_suite, tables, tmp_path, model,
                                                            method):
    service = start_service(start_suite, tables.parent)
    text = "Größe \u65e5\u672c  \n\n x=1234567; don't \U0001f600" * 50
    path = tmp_path / "text"
    path.write_bytes(struct.pack("<I", len(text.encode())) + text.encode())
    reference = answers(["node", HERE / "tiktoken_reference.mjs", "ids", method], path)[0]
    assert count(service, model, text) == {
        "tokens": len(reference), "exact": True, "method": method, "margin": 0}
    assert "no usable token table" not in service["context-service"].log()
    for other in ("claude-sonnet-4", "gpt-4omega", "small"):
        assert count(service, other, text)["method"] == "estimate"


def test_an_imported_table_is_taken_up_by_a_reload(start_suite, tables, tmp_path):
    service = start_service(start_suite, tmp_path)
    text = "Größe \u65e5\u672c  \n\n x=1234567; don't"
    assert count(service, "house-8b", text)["method"] == "estimate"
    (tmp_path / "tokenizer.json").write_text(as_tokenizer_json("cl100k_base"))
    subprocess.run([BUILD / "services/llmctl/llmctl", "tokens", "import", "--to",
                    tmp_path / "tokens", "--name", "house", "--models", "house-*,HOUSE/*",
                    tmp_path / "tokenizer.json"], check=True)
    service["context-service"].signal(signal.SIGHUP)
    wait_until(lambda: count(service, "house-8b", text)["exact"], "the table is used")
    shutil.copy(tables / "cl100k_base.table", tmp_path / "tokens")
    service["context-service"].signal(signal.SIGHUP)
    wait_until(lambda: count(service, "gpt-4", text)["exact"], "the other table is used")
    house = count(service, "house/big", text)
    assert house == {**count(service, "gpt-4", text), "method": "house"}


def test_without_tables_the_service_estimates_and_says_so_once(start_suite, tmp_path):
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens/cl100k_base.table").write_bytes(b"not a table")
    service = start_service(start_suite, tmp_path)
    for _ in range(2):
        answer = count(service, "gpt-4o", "hello world")
        assert answer["exact"] is False and answer["method"] == "estimate"
    assert count(service, "gpt-4", "hello world")["exact"] is False
    log = service["context-service"].log()
    assert log.count("no usable token table for o200k_base cl100k_base") == 1


def test_class_table_is_what_its_generator_prints():
    printed = subprocess.run(["node", HERE / "make_unicode_class.mjs"], check=True,
                             capture_output=True, text=True).stdout
    checked_in = HERE.parents[1] / "common/tokens/unicode_class.c"
    assert printed == checked_in.read_text(), \
        "node tests/conformance/make_unicode_class.mjs > common/tokens/unicode_class.c"
