"""Writes lupton.json: what astropy makes of random galaxies, for the browser's stretch to be compared with."""

import json
from pathlib import Path

import numpy as np
from astropy.visualization import make_lupton_rgb

rng = np.random.default_rng(1)
cases = []
for stretch, softening in ((48.0, 8.0), (5.0, 8.0), (1000.0, 0.5), (20.0, 50.0)):
    # sky around zero, bright centres, and one pixel of exactly zero
    flux = np.concatenate([rng.normal(0, 20, (3, 4, 6)), rng.lognormal(4, 2.5, (3, 4, 6))], axis=1).astype(np.float32)
    flux[:, 0, 0] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        picture = make_lupton_rgb(*(flux * np.float32([0.75, 1.0, 1.7])[:, None, None]), minimum=0, stretch=stretch, Q=softening)
    cases.append({"stretch": stretch, "Q": softening, "scale": [0.75, 1.0, 1.7], "flux": flux.tolist(), "rgb": picture.tolist()})
Path(__file__).with_suffix(".json").write_text(json.dumps(cases))
