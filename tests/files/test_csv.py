"""Numbers in csv files: the right ones, and errors that show no cell."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigraph.errors import DataError
from minigraph.files import csv
from minigraph.files.csv import read_csv
from tests.helpers import Array, assert_exact

COMMAS = "expected numbers with commas between them"


def read(path: Path, contents: bytes) -> Array:
    path.write_bytes(contents)
    return read_csv(path)


def refusal(path: Path, contents: bytes) -> str:
    """Why a file of these bytes is not read, without the path."""
    with pytest.raises(DataError) as caught:
        read(path, contents)
    name, _, reason = str(caught.value).partition(": ")
    assert name == str(path)
    return reason


@pytest.mark.parametrize(
    ("contents", "rows"),
    [
        (b"1,2.5\n-3,4e2\n", [[1, 2.5], [-3, 400]]),
        (b"1,2\n3,4", [[1, 2], [3, 4]]),
        (b"\xef\xbb\xbf1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        (b"1,2\r3,4\r", [[1, 2], [3, 4]]),
        (b"\n1 , 2\n  \n\n3,\t4\n\n", [[1, 2], [3, 4]]),
        (b"7", [[7]]),
        ("1,2\u20283,4".encode(), [[1, 2], [3, 4]]),
        (b"nan,inf\n", [[np.nan, np.inf]]),
        (b"width,height\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        (b'# measured in May\n"width","height"\n1,2\n  # again\n3,4\n', [[1, 2], [3, 4]]),
    ],
)
def test_numbers_are_read(contents: bytes, rows: list[list[float]], tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", contents)
    assert found.dtype == np.float64
    assert found.flags.writeable
    assert_exact(found, rows)


@pytest.mark.parametrize("contents", [b"", b"\xef\xbb\xbf", b"\n \n"])
def test_a_file_without_rows_has_no_numbers(contents: bytes, tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", contents).shape == (0,)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"root:x:0:0:root:/root:/bin/bash\n", f"row 1, column 1: found a text; {COMMAS}"),
        (b"1,2\n\n3,secret\n", f"row 3, column 2: found a text; {COMMAS}"),
        (b"1,\n", f"row 1, column 2: found an empty cell; {COMMAS}"),
        (b"1;2\n", f"row 1, column 1: found numbers with semicolons between them; {COMMAS}"),
        (b"1,5;2,5\n", f"row 1, column 2: found numbers with decimal commas and semicolons between them; {COMMAS}"),
        (
            b"a;b\n1,5;2,5\n",
            f"row 2, column 2: found numbers with decimal commas and semicolons between them; {COMMAS}",
        ),
        (b"a,b\nc,d\n1,2\n", f"row 2, column 1: found a text; {COMMAS}"),
        (b"a,1\n1,2\n", f"row 1, column 1: found a text; {COMMAS}"),
        (b"1 2\t3\n", f"row 1, column 1: found numbers with spaces between them; {COMMAS}"),
        (b"1|2\n", f"row 1, column 1: found numbers with bars between them; {COMMAS}"),
        (b'"1","2"\n', f"row 1, column 1: found a number in quotes; {COMMAS}"),
        (b'"1,5","2,5"\n', f"row 1, column 1: found a number in quotes; {COMMAS}"),
        (b"1,\x1b]0;title\x07\n", f"row 1, column 2: found a text; {COMMAS}"),
        (b"1,\0\n", f"row 1, column 2: found a text; {COMMAS}"),
        (b"1,2\n\n3\n", "row 3 has 1 numbers; expected 2 as in row 1"),
        (b"\n1,2\n3\n", "row 3 has 1 numbers; expected 2 as in row 2"),
        (b"1,2\n1,\xff\n", "cannot be read as csv: found bytes that are not UTF-8 in row 2; expected UTF-8 text"),
    ],
)
def test_what_is_no_number_is_told_by_place_and_kind_and_not_shown(
    contents: bytes, reason: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path / "a.csv", contents) == reason


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "LONGEST_ROW", 10)
    assert_exact(read(tmp_path / "a.csv", b"1,2,3,4,5\n" * 2), [[1, 2, 3, 4, 5]] * 2)
    assert refusal(tmp_path / "a.csv", b"1\n1,2,3,4,56\n") == "row 2 has over 10 B; expected shorter rows"
    monkeypatch.setattr(csv, "LONGEST_CSV", 10)
    assert refusal(tmp_path / "a.csv", b"1,2,3,4,5,6") == "found 11 B; expected at most 10 B"


def test_a_file_is_not_in_memory_as_texts(tmp_path: Path) -> None:
    contents = b"0.25,0.5\n" * 100_000
    (tmp_path / "a.csv").write_bytes(contents)
    tracemalloc.start()
    try:
        assert read_csv(tmp_path / "a.csv").shape == (100_000, 2)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(contents)
    finally:
        tracemalloc.stop()


@settings(max_examples=200, deadline=None)
@given(
    contents=st.one_of(
        st.binary(max_size=30), st.text("0123456789.,;-+e \r\n\ufeff\u2028xn", max_size=30).map(str.encode)
    )
)
def test_any_bytes_are_read_as_python_reads_them_or_told(
    contents: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(contents)
    try:
        rows = numbers_of(contents.decode("utf-8-sig"))
    except ValueError:
        assert refusal(path, contents)
        return
    try:
        found = read_csv(path)
    except DataError:
        assert rows is not None
        assert len(rows) != len(cells_of(contents.decode("utf-8-sig")))  # a first row that was nearly numbers
    else:
        assert_exact(found, rows)


def cells_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [line.split(",") for line in lines]


def numbers_of(text: str) -> Array:
    """The numbers of a csv as Python reads them, below a first row without any."""
    cells = cells_of(text)
    if len(cells) > 1 and not any(csv.is_number(cell) for cell in cells[0]):
        del cells[0]
    return np.array([[float(cell) for cell in row] for row in cells])
