"""What the browser's colour maps are compared with: numbers of matplotlib. Run this file to write them anew and print the stops to keep."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np

KEPT = Path(__file__).parent.parent / "js/tests/colour_maps.json"
NAMES = ("gray", "viridis", "magma", "inferno", "coolwarm", "RdBu_r")
LEVELS = np.arange(256)


def table(name: str) -> np.ndarray:
    """Colours of the 256 levels as matplotlib draws them, shape (256, 3), uint8."""
    return mpl.colormaps[name](LEVELS, bytes=True)[:, :3]


def stops(name: str) -> np.ndarray:
    """The fewest evenly spaced colours between which straight lines are within 1/255 of the table, shape (stop, 3)."""
    colours = table(name).astype(float)
    for count in range(2, 257):
        at = np.linspace(0, 255, count)
        kept = np.round([np.interp(at, LEVELS, channel) for channel in colours.T])
        lines = np.round([np.interp(LEVELS, at, channel) for channel in kept])
        if np.abs(lines - colours.T).max() <= 1:
            return kept.T.astype(int)
    raise AssertionError(f"{name} has no stops")


def test_numbers_of_the_front_ends_tests_are_matplotlibs():
    kept = json.loads(KEPT.read_text())
    assert tuple(kept) == NAMES
    for name, text in kept.items():
        assert np.array_equal(np.frombuffer(bytes.fromhex(text), np.uint8).reshape(256, 3), table(name))


if __name__ == "__main__":
    KEPT.write_text(json.dumps({name: table(name).tobytes().hex() for name in NAMES}, indent=2) + "\n")
    for name in NAMES:
        print(f'  {name}: "{"".join(f"{value:02x}" for value in stops(name).flat)}",')
