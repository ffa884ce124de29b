"""A tokenizer that nobody published is learnt from what is billed; cl100k stands for it."""
import json
import os
import pathlib
import random
import statistics
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["BUILD_DIR"])
LANGUAGES = (
    "Der Zug nach München fährt heute erst um halb neun, weil ein Baum auf den Gleisen liegt. ",
    "Le conseil a décidé hier que la bibliothèque restera ouverte jusqu'à minuit cet hiver. ",
    "Вчера вечером мы долго говорили о том, как изменится город через десять лет. ",
    "昨日の会議では、来月の予定と新しい製品の価格について話し合いました。",
    "今天早上的天气很好，我们决定步行去公园，然后在湖边吃午饭。",
    "어제 저녁에 친구들과 함께 새로 생긴 식당에서 맛있는 음식을 먹었습니다. ",
    "الكتاب الذي قرأته الأسبوع الماضي كان طويلا لكنه ممتع للغاية. ",
    "Η συνάντηση θα γίνει την Πέμπτη το πρωί στο μικρό γραφείο. ",
)


def sources():
    prose = "\n".join(p.read_text() for p in sorted(ROOT.glob("docs/*.md")))
    code = "\n".join(p.read_text() for p in sorted(ROOT.glob("common/io/*.c")))
    tests = "\n".join(p.read_text() for p in sorted(ROOT.glob("tests/integration/test_p*.py")))
    return prose, code, tests


def piece(rng, texts):
    """A passage of one kind."""
    kind = rng.random()
    size = int(rng.choice((80, 300, 1000, 3000)) * rng.uniform(0.5, 1.5))
    if kind < 0.75:
        text = rng.choice(texts)
        at = rng.randrange(len(text) - size)
        return text[at:at + size]
    if kind < 0.9:
        return rng.choice(LANGUAGES) * (size // 150 + 1)
    return json.dumps([{"id": rng.randrange(10**6), "value": rng.random(),
                        "name": rng.choice(("alpha", "beta", "gamma"))}
                       for _ in range(size // 60 + 1)])


def conversation(rng, texts):
    return {"messages": [{"role": rng.choice(("user", "assistant")), "content": piece(rng, texts)}
                         for _ in range(rng.randint(1, 8))]}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_requests_are_enough_to_know_a_tokenizer(token_data, seed):
    rng, texts = random.Random(seed), sources()
    lines = "\n".join(json.dumps(conversation(rng, texts)) for _ in range(850))
    out = subprocess.run([BUILD / "tests/conformance/fit_probe", token_data / "tokens"],
                         input=(lines + "\n").encode(), capture_output=True, check=True).stdout
    rows = [tuple(map(float, line.split())) for line in out.splitlines()]
    assert len(rows) == 850 and all(margin == 0.35 for _, _, margin in rows[:30])
    errors = [abs(truth / guess - 1) for truth, guess, _ in rows[50:]]
    covered = statistics.mean(abs(truth / guess - 1) <= margin for truth, guess, margin in rows[50:])
    print(f"median {statistics.median(errors):.4f}, p95 {sorted(errors)[int(len(errors) * .95)]:.4f}, "
          f"covered {covered:.4f}, last margin {rows[-1][2]:.4f}")
    assert statistics.median(errors) <= 0.02
    assert sorted(errors)[int(len(errors) * 0.95)] <= 0.05
    assert covered >= 0.95
