"""Makes digits.npz, photo_filter.npz and denoise.npz: a conversion that was done once, kept to tell how.

    pip install scikit-learn scikit-image matplotlib && python models/data/make_data.py

All values are those of 8-bit (digits: 0 to 16) files scaled to 0..1, as minigraph reads a png, and kept as float16.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import skimage
from PIL import Image
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
PATCH, NOISE = 40, 25.0  # side of a patch; standard deviation of the noise in steps of 1/255
FILTER = np.array([[0, -1, -1, -1, 0], [-1, -2, -2, 0, 1], [-1, -2, 6, 2, 1], [-1, 0, 2, 2, 1], [0, 1, 1, 1, 0]]) / 4


def digits() -> dict[str, np.ndarray]:
    """The digits with their labels, as integers and as one map of 1x1 for each class."""
    found = load_digits()
    onehot = np.eye(10, dtype=np.uint8)[found.target].reshape(-1, 10, 1, 1)
    images = (found.images[:, None] / 16).astype(np.float16)
    return {"image": images, "label": found.target.astype(np.uint8), "onehot": onehot}


def grey(file: Path) -> Image.Image:
    """A photograph in 8 bits of grey."""
    return Image.open(file).convert("L")


def photo_filter(photo: Image.Image) -> dict[str, np.ndarray]:
    """A piece of a photograph, what a filter made of it, and the filter."""
    before = (np.asarray(photo)[110:238, 190:318] / 255).astype(np.float16)
    windows = np.lib.stride_tricks.sliding_window_view(before.astype(np.float64), FILTER.shape)
    after = np.einsum("hwij,ij->hw", windows, FILTER).astype(np.float32)
    return {"before": before, "after": after, "kernel": FILTER}


def denoise(photos: list[Image.Image]) -> dict[str, np.ndarray]:
    """Patches of photographs at half their size, side by side, with noise and without."""
    patches = []
    for photo in photos:
        half = np.asarray(photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BOX))
        rows, columns = half.shape[0] // PATCH, half.shape[1] // PATCH
        cut = half[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH)
        patches.append(cut.transpose(0, 2, 1, 3).reshape(-1, 1, PATCH, PATCH))
    clean = np.concatenate(patches)
    noise = np.random.default_rng(0).normal(0, NOISE, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255)  # what an 8-bit file would hold
    return {"noisy": (noisy / 255).astype(np.float16), "clean": (clean / 255).astype(np.float16)}


def main() -> None:
    """Write the three files beside this one."""
    data = Path(skimage.__file__).parent / "data"
    files = ("camera.png", "coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png")
    hopper = grey(Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg"))
    made = {
        "digits": digits(),
        "photo_filter": photo_filter(hopper),
        "denoise": denoise([grey(data / file) for file in files]),
    }
    for name, arrays in made.items():
        np.savez_compressed(HERE / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
