"""What the browser's stretch is compared with: numbers of astropy. Run this file, then `make format`, to write them anew."""

import json
from pathlib import Path

import numpy as np
from astropy.visualization import make_lupton_rgb

KEPT = Path(__file__).parent.parent / "js/tests/lupton.json"
SCALE = [0.75, 1.0, 1.7]


def cases():
    rng = np.random.default_rng(1)
    for stretch, softening in ((48.0, 8.0), (5.0, 8.0), (1000.0, 0.5), (20.0, 50.0)):
        # sky around zero, bright centres, and one pixel of exactly zero
        flux = np.concatenate([rng.normal(0, 20, (3, 4, 6)), rng.lognormal(4, 2.5, (3, 4, 6))], axis=1).astype(np.float32)
        flux[:, 0, 0] = 0
        with np.errstate(invalid="ignore", divide="ignore"):
            picture = make_lupton_rgb(*(flux * np.float32(SCALE)[:, None, None]), minimum=0, stretch=stretch, Q=softening)
        yield {"stretch": stretch, "Q": softening, "scale": SCALE, "flux": flux.tolist(), "rgb": picture.tolist()}


def test_numbers_of_the_front_ends_tests_are_astropys():
    kept = json.loads(KEPT.read_text())
    assert len(kept) == 4
    for here, there in zip(cases(), kept, strict=True):
        np.testing.assert_array_equal(np.float32(here["flux"]), np.float32(there["flux"]))
        assert np.abs(np.array(here["rgb"]) - np.array(there["rgb"])).max() <= 1


if __name__ == "__main__":
    KEPT.write_text(json.dumps(list(cases()), separators=(",", ":")) + "\n")
