"""What is wrong with the command line's own words is told as everything else is; what a terminal lacks is replaced."""

import subprocess
import sys

import pytest

from minigraph.cli.usage import usage_text
from minigraph.steps.threads import processors, set_threads, thread_count
from tests.cli.helpers import CommandLine
from tests.helpers import ROOT


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("train two_conv --threads 0", "--threads 0: found '0'; expected a number of at least 1"),
        ("check two_conv --batch=0", "--batch 0: found '0'; expected a number of at least 1"),
        ("gradcheck two_conv --tolerance -1", "--tolerance -1: found '-1'; expected a number of at least 0"),
        ("train two_conv --steps 1e3", "--steps 1e3: found '1e3'; expected an integer"),
        ("train two_conv --learning-rate much", "--learning-rate much: found 'much'; expected a number"),
        ("show two_conv three", "found 'three' beside all that is expected"),
        ("train", "found neither MODEL nor --resume; expected one of them"),
        ("tarin two_conv", "No such command 'tarin'. Did you mean 'train'?"),
    ],
)
def test_a_wrong_word_is_told_with_what_was_expected(command: CommandLine, words: str, text: str) -> None:
    answer = command(*words.split())
    assert (answer.status, answer.out, answer.err) == (2, "", f"error: {text}\n")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("'x' is not a valid integer.", "an integer"),
        ("'x' is not a valid float.", "a number"),
        ("0 is not in the range x>=1.", "a number of at least 1"),
    ],
)
def test_the_words_of_older_typers_are_known_too(reason: str, expected: str) -> None:
    message = f"Invalid value for '--threads': {reason}"
    assert usage_text(message, ["train", "--threads", "x"]) == f"--threads x: found 'x'; expected {expected}"


def test_more_threads_than_processors_are_told(command: CommandLine) -> None:
    before = thread_count()
    try:
        answer = command("check", "two_conv", "--threads", "999")
        assert answer.status == 0
        assert answer.err.startswith("warning: --threads 999: found more than the ")
        assert command("check", "two_conv", "--threads", str(processors())).err == ""
    finally:
        set_threads(before)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("words", ["show residual", "check residual"])
def test_a_terminal_without_lines_gets_letters(encoding: str, words: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "minigraph", *words.split()],
        capture_output=True,
        cwd=ROOT,
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    text = answer.stdout.decode("ascii")
    assert "?" not in text
    if words.startswith("show"):
        lines = [line.split("  ")[0].rstrip() for line in text.splitlines()]
        assert lines == ["o", "|-.", "| *", "| *", "| *", "|-'", "*", "*"]
