"""What is left of a model when a part of its training attributes was never measured: score kept against share removed.

Run with ``pytest tests/benchmarks/bench_missing.py -s --override-ini=python_files='bench_*.py'``; 15 small models, minutes on one core. A
page with the picture is written, and its place printed.
"""

import os

import galwidget as gw
from galwidget.evaluation import Evaluation
from galwidget.evaluation.missing_in_training import missing_in_training

TRAINING, TEST, EPOCHS, SEEDS = 800, 400, 15, int(os.environ.get("GALWIDGET_SEEDS", "3"))


def fit(galaxies, seed):
    return gw.fit(galaxies, epochs=EPOCHS, latent_size=12, batch_size=32, prior_epochs=2 * EPOCHS, seed=seed, progress=False)


def test_half_of_the_training_attributes_can_be_missing(tmp_path):
    galaxies = gw.simulate(TRAINING + TEST, "KiDS", seed=31, stamp=16, bands=["g", "r", "i"], mag_limit=20.5, flatten=0.5, progress=False)
    training, test = galaxies[:TRAINING], galaxies[TRAINING:]
    part = missing_in_training(fit, training, test, seeds=range(SEEDS))
    found = Evaluation(f"{SEEDS} models of {TRAINING} galaxies", {"test": repr(test)}, {"missing modalities in training": part})
    found.to_html(tmp_path / "missing.html")
    found.to_json(tmp_path / "missing.json")
    print(f"\n{found.to_text()}\n{tmp_path / 'missing.html'}")
    assert found["missing modalities in training", "score kept, 50% of the training attributes removed"].value >= 0.95
