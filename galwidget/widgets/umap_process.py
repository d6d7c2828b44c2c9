"""UMAP in a process of its own: it takes minutes, holds the interpreter while it compiles, and can only so be stopped."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

__all__ = ["umap_points"]

#: Seconds between two looks at the process.
_LOOKS = 0.2
_CODE = """
import sys
import numpy as np
from umap import UMAP

folder = sys.argv[1]
points = UMAP(random_state=0, n_jobs=1, tqdm_kwds={"disable": False}).fit_transform(np.load(f"{folder}/latent.npy"))
np.save(f"{folder}/points.npy", points.astype(np.float32))
"""


def umap_points(latent: np.ndarray, report: Callable[[str, int, int], None]) -> np.ndarray:
    """Points of a plane, (n, 2), for latents (n, d): UMAP (McInnes et al. 2018, https://arxiv.org/abs/1802.03426).

    Parameters
    ----------
    latent
        Means of the galaxies.
    report
        Called a few times a second with what is done and how many percent of it; what it raises ends the process.

    Raises
    ------
    ValueError
        umap-learn is not installed, or failed.
    """
    if importlib.util.find_spec("umap") is None:
        raise ValueError("UMAP needs umap-learn, which is not installed; pip install 'galwidget[umap]', or choose PCA")
    with TemporaryDirectory(prefix="galwidget-umap-") as folder:
        np.save(Path(folder, "latent.npy"), latent)
        said = Path(folder, "said")
        command = [sys.executable, "-c", _CODE, folder]
        with said.open("wb") as ears, subprocess.Popen(command, stdout=ears, stderr=ears) as process:  # noqa: S603 (our own code)
            try:
                while process.poll() is None:
                    report("UMAP", _percent(said), 100)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_LOOKS)
            finally:
                process.kill()
        if process.returncode:
            raise ValueError(f"UMAP failed: {_last_line(said) or f'its process ended with {process.returncode}'}")
        return np.load(Path(folder, "points.npy"))


def _percent(said: Path) -> int:
    """How far the last bar that was drawn is."""
    bars = re.findall(r"(\d+)%\|", said.read_text(errors="replace"))
    return int(bars[-1]) if bars else 0


def _last_line(said: Path) -> str:
    return next((line.strip() for line in reversed(said.read_text(errors="replace").splitlines()) if line.strip()), "")
