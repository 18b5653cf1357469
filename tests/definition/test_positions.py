"""Positions are checked against hand-counted texts, and against what tomllib and json read at each."""

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta, timezone
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from minigraph.definition.positions import DEEPEST, Path, Positions, Span, json_positions, toml_positions

ROOT = Span(1, 1, 1)

TOML_SCALARS = [
    *["1", "-1_000", "+0", "0xDEAD_beef", "0o17", "0b1", "1.5", "-6.6e-3_4", "inf", "-nan", "true", "false"],
    *["1979-05-27", "07:32:00", "07:32:00.999", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00"],
    *["1979-05-27 00:32:00.5-07:00", "1979-05-27t07:32:00+01:00"],
    *['""', "''", '"a # ] } , \\" b"', "'a # ] } , \" b\\'", '"\\\\"', '"\\u005D"'],
    *['""""""', "''''''", '"""a"""', "'''a'''", '"""a""""', '"""a"""""', "'''a''''", "'''a'''''"],
    *['""""""""', "''''''''", '"""a "" b ] # \\""" } c"""', "'''a '' b ] # } \\'''"],
]
TOML_LONG_STRINGS = ['"""\n[x]\r\n\\""" a = 1 # ""\\\n  """', "'''\n]\n[[x]]\n'''''"]


# Where things are in TOML


def test_a_plain_key_and_its_value_are_found() -> None:
    found = toml_positions("name = 'net'\nsize = 12\n")
    assert found.keys == {(): ROOT, ("name",): Span(1, 1, 4), ("size",): Span(2, 1, 4)}
    assert found.values == {(): ROOT, ("name",): Span(1, 8, 5), ("size",): Span(2, 8, 2)}
    assert found.duplicates == []


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", " \t\r\n", "\ufeff", "\ufeff\n"])
def test_a_text_without_keys_has_only_the_root(text: str) -> None:
    assert toml_positions(text) == Positions({(): ROOT}, {(): ROOT}, [])


def test_each_segment_of_a_dotted_key_has_its_own_span() -> None:
    found = toml_positions("a.bb.c = 1")
    assert found.keys[("a",)] == found.values[("a",)] == Span(1, 1, 1)
    assert found.keys[("a", "bb")] == found.values[("a", "bb")] == Span(1, 3, 2)
    assert found.keys[("a", "bb", "c")] == Span(1, 6, 1)
    assert found.values[("a", "bb", "c")] == Span(1, 10, 1)


def test_spaces_around_dots_and_equals_signs_do_not_count_as_key() -> None:
    found = toml_positions("  a . bb\t.  c=1")
    assert found.keys[("a",)] == Span(1, 3, 1)
    assert found.keys[("a", "bb")] == Span(1, 7, 2)
    assert found.keys[("a", "bb", "c")] == Span(1, 13, 1)
    assert found.values[("a", "bb", "c")] == Span(1, 15, 1)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("bare-key_1", "bare-key_1"),
        ("1979-05-27", "1979-05-27"),
        ('"conv1.kernel"', "conv1.kernel"),
        ("'conv1.kernel'", "conv1.kernel"),
        ('""', ""),
        ("''", ""),
        (r'"quote \" # = ]"', 'quote " # = ]'),
        (r"'C:\dir'", r"C:\dir"),
        (r'"\u00e9\U0001F600\t\\"', "é😀\t\\"),
        ("'\"'", '"'),
        ('"ключ"', "ключ"),
    ],
)
def test_a_key_is_one_segment_however_it_is_written(written: str, name: str) -> None:
    text = f"{written} = 1\n[t . {written}.x]"
    assert list(tomllib.loads(text)) == [name, "t"]
    found = toml_positions(text)
    assert found.keys[(name,)] == Span(1, 1, len(written))
    assert found.values[(name,)] == Span(1, len(written) + 4, 1)
    assert found.keys[("t", name)] == Span(2, 6, len(written))
    assert found.keys[("t", name, "x")] == Span(2, 7 + len(written), 1)


def test_a_header_gives_each_segment_its_span() -> None:
    found = toml_positions("[nodes.conv1]\nop = 'Conv'\n\n[ nodes . \"conv2.b\" ]  # spaced\nop = 'Add'\n")
    assert found.keys[("nodes",)] == found.values[("nodes",)] == Span(1, 2, 5)
    assert found.keys[("nodes", "conv1")] == found.values[("nodes", "conv1")] == Span(1, 8, 5)
    assert found.values[("nodes", "conv1", "op")] == Span(2, 6, 6)
    assert found.keys[("nodes", "conv2.b")] == found.values[("nodes", "conv2.b")] == Span(4, 11, 9)
    assert found.keys[("nodes", "conv2.b", "op")] == Span(5, 1, 2)


def test_a_header_after_implicit_creation_keeps_the_first_mention() -> None:
    found = toml_positions("[nodes.a]\n[nodes]\nb.x = 1\nb.y = 2\n")
    assert found.keys[("nodes",)] == found.values[("nodes",)] == Span(1, 2, 5)
    assert found.keys[("nodes", "b")] == found.values[("nodes", "b")] == Span(3, 1, 1)
    assert found.keys[("nodes", "b", "y")] == Span(4, 3, 1)


def test_arrays_of_tables_have_their_index_in_the_path() -> None:
    found = toml_positions("[[x]]\nk = 1\n[[ x ]]\nk = 2\n[x.sub]\nk = 3\n")
    assert found.keys[("x",)] == found.values[("x",)] == found.values[("x", 0)] == Span(1, 3, 1)
    assert found.values[("x", 1)] == Span(3, 4, 1)
    assert ("x", 1) not in found.keys
    assert found.values[("x", 0, "k")] == Span(2, 5, 1)
    assert found.values[("x", 1, "k")] == Span(4, 5, 1)
    assert found.keys[("x", 1, "sub")] == found.values[("x", 1, "sub")] == Span(5, 4, 3)
    assert found.keys[("x", 1, "sub", "k")] == Span(6, 1, 1)


def test_arrays_of_tables_nest_and_count_anew_in_each_table() -> None:
    text = "[[a]]\n[[a.b]]\n[[a.b]]\n[a.b.c]\nk = 1\n[[a]]\n[[a.b]]\nk = 2\n[[z.y]]\n"
    found = toml_positions(text)
    assert found.keys[("a", 0, "b")] == found.values[("a", 0, "b", 0)] == Span(2, 5, 1)
    assert found.values[("a", 0, "b", 1)] == Span(3, 5, 1)
    assert found.values[("a", 0, "b", 1, "c", "k")] == Span(5, 5, 1)
    assert found.values[("a", 1, "b", 0, "k")] == Span(8, 5, 1)
    assert found.values[("z",)] == Span(9, 3, 1)
    assert found.values[("z", "y", 0)] == Span(9, 5, 1)
    assert set(found.values) == {path for path, _ in walk(tomllib.loads(text))}


def test_inline_tables_nest_and_may_hold_dotted_keys() -> None:
    found = toml_positions("t = { a.b = 1, 'c' = {d = [ {e = 2} ]}, f = {} }")
    assert found.values[("t",)] == Span(1, 5, 44)
    assert found.keys[("t", "a")] == found.values[("t", "a")] == Span(1, 7, 1)
    assert found.keys[("t", "a", "b")] == Span(1, 9, 1)
    assert found.values[("t", "a", "b")] == Span(1, 13, 1)
    assert found.keys[("t", "c")] == Span(1, 16, 3)
    assert found.values[("t", "c")] == Span(1, 22, 17)
    assert found.values[("t", "c", "d")] == Span(1, 27, 11)
    assert found.values[("t", "c", "d", 0)] == Span(1, 29, 7)
    assert found.keys[("t", "c", "d", 0, "e")] == Span(1, 30, 1)
    assert found.values[("t", "f")] == Span(1, 45, 2)


def test_arrays_may_span_lines_with_comments_and_a_trailing_comma() -> None:
    found = toml_positions("a = [ # ] not the end\n  [1, 2], # 'nor', [this\n\n  [] ,\n  'x#', \n]\nb = 1")
    assert found.values[("a",)] == Span(1, 5, 17)
    assert found.values[("a", 0)] == Span(2, 3, 6)
    assert found.values[("a", 0, 1)] == Span(2, 7, 1)
    assert found.values[("a", 1)] == Span(4, 3, 2)
    assert found.values[("a", 2)] == Span(5, 3, 4)
    assert ("a", 3) not in found.values
    assert found.keys[("b",)] == Span(7, 1, 1)


@pytest.mark.parametrize("scalar", TOML_SCALARS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", " # 'comment'\n", "\t\n"])
def test_a_scalar_of_any_kind_is_measured_to_its_end(scalar: str, end: str) -> None:
    text = f"a = {scalar}{end}"
    tomllib.loads(text)
    assert toml_positions(text).values[("a",)] == Span(1, 5, len(scalar))
    text = f"a = [{scalar}, {{ b={scalar}}}]{end}"
    tomllib.loads(text)
    found = toml_positions(text)
    assert found.values[("a", 0)] == Span(1, 6, len(scalar))
    assert found.values[("a", 1)] == Span(1, 8 + len(scalar), len(scalar) + 5)
    assert found.values[("a", 1, "b")] == Span(1, 12 + len(scalar), len(scalar))


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_strings_of_several_lines_hide_what_looks_like_toml(quotes: str) -> None:
    quote = quotes[0]
    text = f"a = {quotes}\n[x]\nb = 1 # {quote}{quote} ]\n{quote}{quote}{quotes}\nc = {quotes}d\n{quotes}"
    assert set(tomllib.loads(text)) == {"a", "c"}
    found = toml_positions(text)
    assert found.keys == {(): ROOT, ("a",): Span(1, 1, 1), ("c",): Span(5, 1, 1)}
    assert found.values == {(): ROOT, ("a",): Span(1, 5, 3), ("c",): Span(5, 5, 4)}


def test_a_backslash_at_a_line_end_continues_the_string() -> None:
    found = toml_positions('a = """x \\\n   y \\""" \\\\"""\nb = 1')
    assert found.values[("a",)] == Span(1, 5, 6)
    assert found.keys[("b",)] == Span(3, 1, 1)


def test_carriage_returns_before_line_feeds_belong_to_the_line_end() -> None:
    found = toml_positions("a = [\r\n  1,\r\n]\r\n[t]\r\nb = '''\r\nx'''\r\nc = true\r\n")
    assert found.values[("a",)] == Span(1, 5, 1)
    assert found.values[("a", 0)] == Span(2, 3, 1)
    assert found.keys[("t",)] == Span(4, 2, 1)
    assert found.values[("t", "b")] == Span(5, 5, 3)
    assert found.values[("t", "c")] == Span(7, 5, 4)


def test_only_a_line_feed_ends_a_line() -> None:
    found = toml_positions("a = '\u2028\x85' # \u2029\nb = 1")
    assert found.values[("a",)] == Span(1, 5, 4)
    assert found.keys[("b",)] == Span(2, 1, 1)
    assert json_positions("[\r1,\r\r\n2]").values == {(): ROOT, (0,): Span(1, 3, 1), (1,): Span(2, 1, 1)}


def test_the_first_character_after_a_byte_order_mark_is_column_one() -> None:
    toml = toml_positions("\ufeffa = 1\nb = 2")
    assert toml.keys == {(): ROOT, ("a",): Span(1, 1, 1), ("b",): Span(2, 1, 1)}
    assert toml.values == {(): ROOT, ("a",): Span(1, 5, 1), ("b",): Span(2, 5, 1)}
    assert json_positions('\ufeff{"a": 1}').keys[("a",)] == Span(1, 2, 3)


def test_columns_count_characters_and_a_tab_is_one() -> None:
    toml = toml_positions("\t\"ü😀\"\t=\t['😀é', 1]")
    assert toml.keys[("ü😀",)] == Span(1, 2, 4)
    assert toml.values[("ü😀",)] == Span(1, 9, 9)
    assert toml.values[("ü😀", 1)] == Span(1, 16, 1)
    assert json_positions('{\t"ü😀":\t1}').values[("ü😀",)] == Span(1, 9, 1)


# Where things are in JSON


def test_nested_objects_and_arrays_are_found() -> None:
    found = json_positions('{\n  "nodes": {"a": [1, {"b" :null}]},\n  "out": [\n    "x"\n  ]\n}\n')
    assert found.keys == {
        (): ROOT,
        ("nodes",): Span(2, 3, 7),
        ("nodes", "a"): Span(2, 13, 3),
        ("nodes", "a", 1, "b"): Span(2, 23, 3),
        ("out",): Span(3, 3, 5),
    }
    assert found.values == {
        (): ROOT,
        ("nodes",): Span(2, 12, 23),
        ("nodes", "a"): Span(2, 18, 16),
        ("nodes", "a", 0): Span(2, 19, 1),
        ("nodes", "a", 1): Span(2, 22, 11),
        ("nodes", "a", 1, "b"): Span(2, 28, 4),
        ("out",): Span(3, 10, 1),
        ("out", 0): Span(4, 5, 3),
    }
    assert found.duplicates == []


@pytest.mark.parametrize(
    "scalar",
    ["0", "-1.5e+3", "true", "false", "null", "NaN", "-Infinity", '""', r'"\\"', r'"\" ] } , : \\\" \u005d"'],
)
def test_a_json_scalar_of_any_kind_is_measured_to_its_end(scalar: str) -> None:
    found = json_positions(f' [{scalar},{{"k":{scalar}}} , {scalar} ]')
    assert found.values[(0,)] == Span(1, 3, len(scalar))
    assert found.values[(1, "k")] == Span(1, 9 + len(scalar), len(scalar))
    assert found.values[(2,)] == Span(1, 13 + 2 * len(scalar), len(scalar))
    assert json_positions(scalar).values == {(): ROOT}


def test_escapes_in_json_keys_are_decoded() -> None:
    text = r'{"\u0061\"]": 1, "\ud83d\ude00": 2, "\ud83d": 3, "": 4}'
    found = json_positions(text)
    assert [path for path in found.keys if path] == [(key,) for key in json.loads(text)]
    assert found.keys[('a"]',)] == Span(1, 2, 11)
    assert found.keys[("😀",)] == Span(1, 18, 14)
    assert found.values[("😀",)] == Span(1, 34, 1)


def test_white_space_of_every_kind_is_skipped() -> None:
    found = json_positions(' \t\r\n{ "a"\r\n:\t\n1\n,"b":[ \n ] }')
    assert found.keys[("a",)] == Span(2, 3, 3)
    assert found.values[("a",)] == Span(4, 1, 1)
    assert found.keys[("b",)] == Span(5, 2, 3)
    assert found.values[("b",)] == Span(5, 6, 2)


def test_a_key_given_twice_in_one_object_is_a_duplicate() -> None:
    found = json_positions('{"a": 1,\n "b": {"a": 2},\n "\\u0061": 3,\n "a": 4}')
    first = Span(1, 2, 3)
    assert found.duplicates == [(("a",), first, Span(3, 2, 8)), (("a",), first, Span(4, 2, 3))]
    assert found.keys[("a",)] == first
    assert found.values[("a",)] == Span(1, 7, 1)


def test_equal_keys_below_a_duplicate_are_no_duplicates_themselves() -> None:
    found = json_positions('{"a": {"x": 1}, "a": {"x": 2, "x": 3}}')
    assert found.duplicates == [
        (("a",), Span(1, 2, 3), Span(1, 17, 3)),
        (("a", "x"), Span(1, 23, 3), Span(1, 31, 3)),
    ]


# How much can be scanned


@pytest.mark.parametrize(("opening", "closing", "segment"), [("[", "]", 0), ('{"k":', "}", "k")])
def test_json_nested_a_hundred_thousand_deep_does_not_recurse(opening: str, closing: str, segment: str | int) -> None:
    found = json_positions(opening * 100_000 + "0" + closing * 100_000)
    assert set(found.values) == {(segment,) * length for length in range(DEEPEST + 1)}
    assert found.values[(segment,) * DEEPEST].column == len(opening) * DEEPEST + 1


def test_toml_nested_a_hundred_thousand_deep_does_not_recurse() -> None:
    found = toml_positions("a = " + "[" * 100_000 + "]" * 100_000 + "\nb = 1")
    assert found.values[("a", *[0] * (DEEPEST - 1))] == Span(1, 4 + DEEPEST, 200_000 - 2 * (DEEPEST - 1))
    assert found.keys[("b",)] == Span(2, 1, 1)
    found = toml_positions("[" + "a." * 100_000 + "a]\n" + "b." * 100_000 + "b = 1")
    assert max(found.values, key=len) == max(found.keys, key=len) == ("a",) * DEEPEST


def test_the_rest_of_a_text_is_found_past_what_is_too_deep() -> None:
    found = json_positions('{"deep": ' + '[{"k": 1, "k": 2},' * DEEPEST + "0" + "]" * DEEPEST + ', "next": 1}')
    assert found.keys[("next",)].length == 6
    assert [len(path) for path, _, _ in found.duplicates] == list(range(3, DEEPEST + 1))
    found = toml_positions("[[" + "a." * DEEPEST + "a]]\nk = 1\n[next]\nk = 2")
    assert found.values[("next", "k")] == Span(4, 5, 1)
    assert max(map(len, found.values)) == DEEPEST


@settings(deadline=None)
@given(st.text(st.sampled_from("[]{}\"'\\=.,:# \n\ra1")))
def test_an_invalid_text_is_at_worst_refused_with_a_value_error(text: str) -> None:
    for positions in (toml_positions, json_positions):
        with suppress(ValueError):
            positions(text)


# Whatever is parsed can be found again

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["a", "b", "a.b"])
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("\n\r\t\"'\\#[]{}, é😀")
numbers = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
zones = st.none() | st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
dates = st.dates() | st.times() | st.datetimes(timezones=zones)


def tables(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    nested = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
    )
    return st.dictionaries(names, nested, max_size=5)


def walk(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


def offset_of(text: str, span: Span) -> int:
    return sum(len(line) + 1 for line in text.split("\n")[: span.line - 1]) + span.column - 1


def read_toml_scalar(text: str, start: int, length: int) -> object:
    """Parse a scalar by its span; in triple quotes it ends at the first run of quotes that makes it whole."""
    ends = [start + length]
    if text.startswith(('"""', "'''"), start):
        ends = [start + run.end() for run in re.finditer(f"{text[start]}{{3,}}", text[start:])]
    for end in ends:
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"x = {text[start:end]}\n")["x"]
    raise AssertionError(f"no scalar at offset {start}")


def check_every_path(text: str, data: object, found: Positions, *, toml: bool) -> None:
    parsed = dict(walk(data))
    assert set(found.values) == set(parsed)
    assert set(found.keys) == {path for path in parsed if not path or isinstance(path[-1], str)}
    assert found.duplicates == []
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for path, span in [*found.keys.items(), *found.values.items()]:
        assert span.length >= 1
        assert not path or span.column + span.length - 1 <= len(lines[span.line - 1])
    for path, span in found.keys.items():
        if path:
            start = offset_of(text, span)
            written = text[start : start + span.length]
            assert (list(tomllib.loads(f"{written} = 1")) if toml else [json.loads(written)]) == [path[-1]]
    for path, value in parsed.items():
        if path and not isinstance(value, dict | list):
            span = found.values[path]
            start = offset_of(text, span)
            read = read_toml_scalar(text, start, span.length) if toml else json.JSONDecoder().raw_decode(text, start)[0]
            assert repr(read) == repr(value)


@settings(deadline=None)
@given(
    data=tables(numbers | texts | st.none()),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    separators=st.sampled_from([None, (",", ":"), (" ,\r\n", " : ")]),
    ensure_ascii=st.booleans(),
)
def test_every_path_of_dumped_json_is_found(
    data: dict[str, Any], indent: int | str | None, separators: tuple[str, str] | None, ensure_ascii: bool
) -> None:
    text = json.dumps(data, indent=indent, separators=separators, ensure_ascii=ensure_ascii)
    check_every_path(text, json.loads(text), json_positions(text), toml=False)


@settings(deadline=None)
@given(data=tables(numbers | texts | dates), multiline_strings=st.booleans(), crlf=st.booleans())
def test_every_path_of_dumped_toml_is_found(data: dict[str, Any], multiline_strings: bool, crlf: bool) -> None:
    text = tomli_w.dumps(data, multiline_strings=multiline_strings)
    text = text.replace("\n", "\r\n") if crlf else text
    check_every_path(text, tomllib.loads(text), toml_positions(text), toml=True)


BLANKS = ["", " ", "\t", "\n", "\r\n", " # it's ] } \"\n", "\n\n  #[x]\r\n"]
SUBKEYS = ["", ".b", " . 'b.c'", '\t. "\\u00e9\\"" .c']
QUOTED = ["{}", "'{}'", '"{}"', '"\\u00e9\\\\ # {}"']


@st.composite
def toml_items(draw: st.DrawFn, values: st.SearchStrategy[str], max_size: int = 3) -> list[str]:
    """Lines `key = value`, with keys of every style that differ by their number."""
    return [
        f"{draw(st.sampled_from(QUOTED)).format(number)}{draw(st.sampled_from(SUBKEYS))} = {value}"
        for number, value in enumerate(draw(st.lists(values, max_size=max_size)))
    ]


def toml_containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blanks = st.sampled_from(BLANKS)
    items = st.lists(st.tuples(blanks, inner, blanks).map("".join), max_size=3).map(",".join)
    filled = st.tuples(inner, blanks, st.just(","), items).map("".join)
    inline_tables = toml_items(inner).map(" , ".join).map("{{ {} }}".format)
    return inline_tables | st.tuples(blanks, items | filled, blanks).map("".join).map("[{}]".format)


@st.composite
def toml_documents(draw: st.DrawFn) -> str:
    values = st.recursive(st.sampled_from(TOML_SCALARS + TOML_LONG_STRINGS), toml_containers, max_leaves=6)
    headers = [""]
    for number in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(QUOTED)).format(f"t{number}")
        styles = [["[{}]"], ["[ {} .  x ]", "[{}]", "[{}.y]"], ["[[{}]]", "[{}.x]", "[[{}]]"]]
        styles += [["[[{}]]", "[[{}.x]]", "[[ {} . x ]]", "[[{}]]", "[[{}.x]]", "[{}.x.y]"]]
        headers += [header.format(name) for header in draw(st.sampled_from(styles))]
    lines: list[str] = []
    for header in headers:
        lines += [header, *draw(toml_items(values))]
    return "".join(line + draw(st.sampled_from([*BLANKS[3:], "\t\n"])) for line in lines)


@settings(deadline=None)
@given(toml_documents())
def test_every_path_of_toml_in_any_style_is_found(text: str) -> None:
    check_every_path(text, tomllib.loads(text), toml_positions(text), toml=True)
