"""What the bundled definitions of real data reach, each from five seeds: mean, standard deviation, and the worst.

    python -m benchmarks.accuracy [SEEDS]

Every run is a user's: ``minigraph train NAME --seed S`` in a process of its own. The seed draws parameters, the split
and the order of the samples. Nothing is chosen by what it does on the test samples: the last weights are judged.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

import minigraph as mg
from minigraph.data.loading import load_data
from minigraph.definition.bundled import bundled
from minigraph.recipe.metrics import METRICS

DATA = bundled()["digits"].parent / "data"
WIDTHS = np.arange(0.4, 2.0, 0.05)  # standard deviations of the blurs, in pixels
NOISE = 25 / 255


def trained(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """What ``train NAME --json`` answers."""
    words = ["train", name, "--seed", str(seed), "--no-plots", "--quiet", "--json", "--out", str(folder)]
    done = subprocess.run([sys.executable, "-m", "minigraph", *words], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def row(name: str, figure: str, values: list[float], digits: int, seconds: list[float]) -> None:
    """Print a line of the table; the worst of errors is the largest, of all else the smallest."""
    worst = max(values) if "error" in figure else min(values)
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    told = [f"{value:.{digits}f}" if digits else f"{value:.1e}" for value in (statistics.mean(values), spread, worst)]
    times = f"{min(seconds):.1f} to {max(seconds):.1f}" if seconds else ""
    print(f"| {name} | {figure} | {told[0]} ± {told[1]} | {told[2]} | {times} |", flush=True)


def psnr(answer: np.ndarray, target: np.ndarray) -> float:
    """The mean over samples, in dB."""
    return float(METRICS.find("psnr")().of_samples(answer, target).mean())


def best_blur(noisy: np.ndarray, clean: np.ndarray) -> float:
    """The PSNR of the Gaussian blur whose width is the best for these very samples."""
    return max(psnr(gaussian_filter(noisy, (0, 0, width, width)), clean) for width in WIDTHS)


def denoised(weights: Path, noisy: np.ndarray) -> np.ndarray:
    """What the trained denoiser makes of (N, 1, H, W) of any size."""
    shape = ("shape", ("inputs", "noisy", "shape"), list(noisy.shape[2:]))
    model = mg.Model(mg.Definition.load("denoise", [shape]).graph, seed=0)
    model.load_weights(weights)
    answer: np.ndarray = mg.predict(model, noisy)
    return answer


def photograph() -> np.ndarray:
    """Grace Hopper's portrait at half its size, (1, 1, 300, 256): no patch of it is in the data."""
    file = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    with Image.open(file) as image:
        half = image.convert("L").resize((256, 300), Image.Resampling.BOX)
        return np.asarray(half, np.float64)[None, None] / 255


def denoise(seeds: int, folder: Path) -> None:
    """Print the denoiser's gains over the noisy images, and over the best blur of each."""
    gains: dict[str, list[float]] = {}
    seconds = []
    for seed in range(seeds):
        run = folder / f"denoise{seed}"
        seconds.append(trained("denoise", seed, run)["seconds"])
        test = load_data(mg.Definition.load(run / "definition.toml"), "float64", seed).test
        assert test is not None, "the definition holds some out"
        inputs, targets = test.read(slice(None))
        clean = photograph()
        noise = np.random.default_rng(seed).normal(0, NOISE, clean.shape)
        pairs = {
            "test patches": (inputs["noisy"].astype(np.float64), targets["clean"].astype(np.float64)),
            "another photograph": (np.clip(np.rint((clean + noise) * 255), 0, 255) / 255, clean),
        }
        for kind, (noisy, target) in pairs.items():
            reached = psnr(denoised(run / "weights.npz", noisy), target)
            for figure, value in {
                "PSNR in dB": reached,
                "gain over the noisy ones": reached - psnr(noisy, target),
                "gain over the best Gaussian blur": reached - best_blur(noisy, target),
            }.items():
                gains.setdefault(f"{kind}: {figure}", []).append(value)
    for figure, values in gains.items():
        row("denoise", figure, values, 2, seconds if figure == "test patches: PSNR in dB" else [])


def main() -> None:
    """Print the table that the README quotes."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"| definition | figure over {seeds} seeds | mean ± standard deviation | worst | seconds |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("digits", "digits_conv"):
            runs = [trained(name, seed, folder / f"{name}{seed}") for seed in range(seeds)]
            accuracies = [100 * run["metrics"]["test_accuracy"] for run in runs]
            row(name, "test accuracy in %", accuracies, 2, [run["seconds"] for run in runs])
        errors, seconds = [], []
        with np.load(DATA / "photo_filter.npz") as data:
            kernel = data["kernel"]
        for seed in range(seeds):
            seconds.append(trained("photo_filter", seed, folder / f"photo{seed}")["seconds"])
            with np.load(folder / f"photo{seed}" / "weights.npz") as weights:
                found = weights["filter.kernel"][0, 0]
            errors.append(float(np.linalg.norm(found - kernel) / np.linalg.norm(kernel)))
        row("photo_filter", "relative error of the kernel", errors, 0, seconds)
        denoise(seeds, folder)


if __name__ == "__main__":
    main()
