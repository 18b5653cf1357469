"""Pictures: their size from the header before anything is decoded, and no other format than png and jpg."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from minigraph.data.array_files import read_array
from minigraph.errors import DataError, ShapeError
from minigraph.files import images
from minigraph.files.images import opened_picture
from tests.files import archives
from tests.helpers import Array, assert_exact, raises

GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (6, 5), dtype=np.uint8)
COLOURS = GENERATOR.integers(0, 256, (6, 5, 3), dtype=np.uint8)
PICTURES = {
    "grey": Image.fromarray(GREY),
    "colours": Image.fromarray(COLOURS),
    "alpha": Image.fromarray(COLOURS).convert("RGBA"),
    "palette": Image.fromarray(COLOURS).quantize(16),
    "bits": Image.fromarray(GREY).convert("1"),
    "16 bits": Image.fromarray(GREY.astype(np.uint16) * 257),
}


def encoded(picture: Image.Image, format: str = "png") -> bytes:
    contents = io.BytesIO()
    picture.save(contents, format=format)
    return contents.getvalue()


def pixels(path: Path, contents: bytes, channels: int = 1) -> Array:
    path.write_bytes(contents)
    with opened_picture(path) as picture:
        found = picture.pixels(channels)
        assert found.shape == picture.shape(channels)
        assert (picture.height, picture.width) == found.shape[-2:]
        return found


def refusal(path: Path, contents: bytes) -> str:
    """Why a file of these bytes is not read, without the path."""
    with pytest.raises(DataError) as caught:
        pixels(path, contents)
    name, _, reason = str(caught.value).partition(": ")
    assert name == str(path)
    return reason


def png_of(width: int, height: int) -> bytes:
    """A png that says that it has so many pixels, and has none."""
    facts = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", facts), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PICTURES)
def test_pixels_are_those_that_pillow_reads(name: str, channels: int, tmp_path: Path) -> None:
    contents = encoded(PICTURES[name])
    picture = Image.open(io.BytesIO(contents))
    if name == "16 bits":
        wanted = np.broadcast_to(GREY / 255, (channels, 6, 5))
    else:
        wanted = np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.float64).reshape(6, 5, channels) / 255
        wanted = wanted.transpose(2, 0, 1)
    assert_exact(pixels(tmp_path / "a.png", contents, channels), wanted if channels == 3 else wanted[0])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpg_is_read_as_pillow_does_under_any_name(mode: str, tmp_path: Path) -> None:
    contents = encoded(PICTURES["colours"].convert(mode), "jpeg")
    wanted = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"), np.float64).transpose(2, 0, 1) / 255
    assert_exact(pixels(tmp_path / "a.png", contents, 3), wanted)


@pytest.mark.parametrize("format", ["gif", "bmp", "tiff", "ppm"])
def test_other_formats_are_told(format: str, tmp_path: Path) -> None:
    reason = refusal(tmp_path / "a.png", encoded(PICTURES["grey"], format))
    assert reason == "cannot be read as an image: it is neither png nor jpg"


def test_too_many_pixels_are_told_before_one_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        refusal(tmp_path / "a.png", png_of(10_001, 10_000)) == "found 10000x10001 pixels; expected at most 100,000,000"
    )
    assert refusal(tmp_path / "a.png", png_of(2**31 - 1, 2**31 - 1)).startswith("found 2147483647x2147483647 pixels")
    monkeypatch.setattr(images, "MOST_PIXELS", 29)
    for format in ("png", "jpeg"):
        reason = refusal(tmp_path / "a.jpg", encoded(PICTURES["grey"], format))
        assert reason == "found 6x5 pixels; expected at most 29"


def test_a_size_that_does_not_fit_is_told_before_a_pixel_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    path = tmp_path / "a.png"
    path.write_bytes(png_of(9_000, 8_000))
    monkeypatch.setattr(PngImageFile, "load", decode)
    with raises(ShapeError, f"{path}: 'x': found shape 8000x9000; expected 4x5 or 1x4x5 or Nx1x4x5 or Nx4x5"):
        read_array(path, (1, 4, 5), "x")
    with raises(ShapeError, f"{path}: 'x': found shape 3x8000x9000; expected 3x4x5 or Nx3x4x5"):
        read_array(path, (3, 4, 5), "x")
    path.write_bytes(png_of(5, 4))
    with pytest.raises(DataError, match="damaged"):  # the shape fits: then it is decoded
        read_array(path, (1, 4, 5), "x")


def test_texts_that_inflate_without_end_are_refused(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("comment", "a" * 2**24, zip=True)
    contents = io.BytesIO()
    PICTURES["grey"].save(contents, format="png", pnginfo=texts)
    assert len(contents.getvalue()) < 20_000
    assert refusal(tmp_path / "a.png", contents.getvalue()) == images.DAMAGED


@pytest.mark.parametrize(("format", "end"), [("png", 4), ("jpeg", 1)])
def test_a_picture_that_is_cut_off_is_told(format: str, end: int, tmp_path: Path) -> None:
    whole = encoded(PICTURES["colours"], format)
    for length in range(len(whole) - end):  # without the last bytes of the mark of its end all of it is there
        assert refusal(tmp_path / "a.png", whole[:length]).startswith("cannot be read as an image: it is ")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_told_or_give_the_right_pixels(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    format = data.draw(st.sampled_from(["png", "jpeg"]))
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(data.draw(archives.damaged(encoded(PICTURES["grey"], format))))
    try:
        with opened_picture(path) as picture:
            found = picture.pixels(1)
    except DataError as error:
        told = str(error)
    else:
        told = str(path)
        assert 0 <= found.min() <= found.max() <= 1
        assert format == "jpeg" or np.array_equal(found, GREY / 255)  # a jpg has no checksums
    assert told.startswith(str(path))
