"""The bundled definitions of real data: what they reach, and that their data are what their README says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate2d

from tests.helpers import ROOT

DATA = ROOT / "models" / "data"


def trained(name: str, folder: Path, *words: str) -> dict[str, Any]:
    """What ``train NAME --json`` answers, in a process of its own as a user's."""
    command = [sys.executable, "cli.py", "train", name, "--quiet", "--json", "--no-plots", "--out", str(folder), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_digits_reads_98_and_a_half_percent_of_the_held_out_fifth(tmp_path: Path) -> None:
    assert trained("digits", tmp_path / "run")["metrics"]["test_accuracy"] >= 0.985


def test_digits_conv_reads_97_percent_with_conv_relu_and_sigmoid_only(tmp_path: Path) -> None:
    assert trained("digits_conv", tmp_path / "run", "--epochs", "10")["metrics"]["test_accuracy"] >= 0.97


def test_photo_filter_finds_the_filter_to_a_thousandth(tmp_path: Path) -> None:
    trained("photo_filter", tmp_path / "run")
    with np.load(tmp_path / "run" / "weights.npz") as weights, np.load(DATA / "photo_filter.npz") as data:
        found, kernel = weights["filter.kernel"][0, 0], data["kernel"]
    assert np.linalg.norm(found - kernel) < 1e-3 * np.linalg.norm(kernel)


def test_denoise_beats_the_best_gaussian_blur_after_a_few_epochs(tmp_path: Path) -> None:
    metrics = trained("denoise", tmp_path / "run", "--epochs", "8")["metrics"]
    with np.load(DATA / "denoise.npz") as data:
        noisy, clean = (data[name].astype(np.float64) for name in ("noisy", "clean"))

    def psnr(answer: np.ndarray) -> float:
        return float(-10 * np.log10(((answer - clean) ** 2).mean(axis=(1, 2, 3))).mean())

    blurred = max(psnr(gaussian_filter(noisy, (0, 0, width, width))) for width in np.arange(0.5, 1.5, 0.1))
    assert metrics["validation_psnr"] > psnr(noisy) + 6
    assert (metrics["validation_psnr"] + metrics["test_psnr"]) / 2 > blurred


# The data


def test_the_digits_are_the_1797_of_the_uci_set() -> None:
    with np.load(DATA / "digits.npz") as data:
        image, label, onehot = data["image"], data["label"], data["onehot"]
    assert image.shape == (1797, 1, 8, 8)
    assert np.array_equal(image * 16, np.rint(image * 16))
    assert (image.min(), image.max()) == (0, 1)
    assert np.bincount(label).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as UCI counts them
    assert np.array_equal(onehot.reshape(1797, 10).argmax(axis=1), label)
    assert np.array_equal(onehot.sum(axis=1).ravel(), np.ones(1797))


def test_the_photograph_after_is_the_one_before_through_the_filter() -> None:
    with np.load(DATA / "photo_filter.npz") as data:
        before, after, kernel = (data[name].astype(np.float64) for name in ("before", "after", "kernel"))
    assert np.abs(after - correlate2d(before, kernel, mode="valid")).max() < 1e-6
    assert before.shape == (128, 128)


def test_the_noise_is_gaussian_where_it_is_not_clipped() -> None:
    with np.load(DATA / "denoise.npz") as data:
        noisy, clean = (255 * data[name].astype(np.float64) for name in ("noisy", "clean"))
    inside = (clean > 100) & (clean < 155)
    noise = (noisy - clean)[inside]
    assert noise.size > 10_000
    assert abs(noise.mean()) < 1
    assert noise.std() == pytest.approx(25, abs=0.5)
    assert noisy.min() >= 0 and noisy.max() <= 255.1


def test_the_data_are_small_and_each_file_has_its_source() -> None:
    files = [file for file in DATA.iterdir() if file.suffix in (".npy", ".npz")]
    assert sum(file.stat().st_size for file in files) < 700_000
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for file in files:
        assert f"`{file.name}`" in readme
    assert "CC BY 4.0" in readme
