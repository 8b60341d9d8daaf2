"""The hygiene check finds forbidden text, and the repository has none."""

from __future__ import annotations

import pytest

from tools.checks.hygiene import problems, repository_problems


def test_the_repository_is_clean() -> None:
    assert list(repository_problems()) == []


# Put together from pieces, or this file would not pass its own check.
@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("package index", "pip install --index-url https:" + "//mirror.example.com/pypi"),
        ("package index", "--find-links file:" + "///srv/wheels"),
        ("package index", "default = 'https://mirror.example.com" + "/simple/'"),
        ("absolute path", 'DATA = "/ho' + 'me/alice/data"'),
        ("absolute path", "see /Us" + "ers/alice/audio.wav"),
        ("absolute path", "cd /wo" + "rk/tree"),
        ("cloud access key", "key = LTAI" + "5tAbCdEfGhIjKlMnOpQr"),
        ("cloud access key", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("private key", "-----BEGIN RSA PRIVATE KEY" + "-----"),
        ("token", "ghp_" + "a" * 36),
        ("password in an address", "postgresql://admin:" + "hunter2hunter2@db/airflow"),
    ],
)
def test_a_forbidden_line_is_found(rule: str, line: str) -> None:
    assert [found.split(": ")[1] for found in problems("some/file.py", f"first\n{line}\n")] == [rule]


def test_a_problem_names_the_line_and_does_not_repeat_its_text() -> None:
    secret = "LTAI" + "5tAbCdEfGhIjKlMnOpQr"
    (found,) = problems("some/file.py", f"\n\nkey = '{secret}'")
    assert found.startswith("some/file.py:3: ")
    assert secret not in found


@pytest.mark.parametrize(
    "line",
    [
        "https://oss-cn-hangzhou.aliyuncs.com/bucket/key",
        "postgresql+psycopg2://airflow:${POSTGRES_PASSWORD}@postgres/airflow",
        "access_key_id='testAK', access_key_secret='testSK'",
        "AIRFLOW_HOME=/opt/airflow",
        "https://example.com/work/in/progress",
        "renditions/home/page.mp3",
    ],
)
def test_ordinary_lines_pass(line: str) -> None:
    assert list(problems("some/file.py", line)) == []


def test_hashes_of_compiled_files_are_not_taken_for_secrets_but_an_index_is() -> None:
    line = "--index-url https:" + "//mirror.example.com/x"
    assert len(list(problems("requirements.txt", line))) == 1
    assert list(problems("requirements.txt", "    --hash=sha256:AKIA" + "ABCDEFGHIJKLMNOP")) == []
