"""Pictures in png and jpg files: their size is known before a pixel is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minigraph.arrays import Array
from minigraph.files.opening import OpenFile, opened

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MOST_PIXELS = 10**8
"""Of one picture."""
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
"""How the files begin."""
DAMAGED = "cannot be read as an image: it is damaged or cut off"


@dataclass(frozen=True)
class Picture:
    """An open picture.

    Attributes:
        height, width: in pixels.
    """

    height: int
    width: int
    _source: OpenFile
    _image: ImageFile

    def shape(self, channels: int) -> tuple[int, ...]:
        """That of :meth:`pixels`."""
        return (self.height, self.width) if channels == 1 else (channels, self.height, self.width)

    def pixels(self, channels: int) -> Array:
        """The picture from 0 to 1 in float64: grey (H, W) for one channel, red, green and blue (3, H, W) for three.

        Raises:
            DataError: it is damaged or cut off.
        """
        try:
            if self._image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip and not scale
                grey = np.asarray(self._image, np.float64) / 65535
                return grey if channels == 1 else np.repeat(grey[None], 3, axis=0)
            pixels = np.asarray(self._image.convert("L" if channels == 1 else "RGB"), np.float64) / 255
        except MemoryError:
            raise
        except Exception:  # damaged bytes reach decoders with many errors of their own, which show bytes of the file
            raise self._source.fault(DAMAGED) from None
        return pixels if channels == 1 else pixels.transpose(2, 0, 1)


@contextmanager
def opened_picture(path: str | Path) -> Iterator[Picture]:
    """Open a png or a jpg, whatever its name; nothing is decoded but the header.

    Raises:
        DataError: there is no such regular file, it is of another format, damaged, or has too many pixels.
    """
    # Not Image.open: it asks decoders of dozens of formats, and prints a warning of its own for many pixels.
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    with opened(path) as source:
        start = source.file.peek(len(PNG))
        if not start.startswith((PNG, JPEG)):
            raise source.fault("cannot be read as an image: it is neither png nor jpg")
        kind = PngImageFile if start.startswith(PNG) else JpegImageFile
        try:
            image: ImageFile = kind(source.file)
            width, height = image.size
            if width * height <= MOST_PIXELS and kind is PngImageFile:
                image.verify()  # checksums, which decoding passes over; it leaves the image used up
                source.file.seek(0)
                image = kind(source.file)
        except Exception:
            raise source.fault(DAMAGED) from None
        if width * height > MOST_PIXELS:
            raise source.fault(f"found {height}x{width} pixels; expected at most {MOST_PIXELS:,}")
        yield Picture(height, width, source, image)
