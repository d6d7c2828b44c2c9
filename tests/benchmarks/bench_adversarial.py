"""Adversarial refinement of a small MVAE: chi2 and two-sample tests by the weight of the critic, 0 being as much training without one.

Run with ``pytest tests/benchmarks/bench_adversarial.py -s --override-ini=python_files='bench_*.py'``; some minutes on one core.
"""

import numpy as np

import galwidget as gw
from galwidget.evaluation import chi2_per_pixel
from galwidget.evaluation.sampling import comparable
from galwidget.evaluation.scores import bootstrap
from galwidget.evaluation.two_sample import forest_auc, network_auc

TRAINING, TEST, EPOCHS = 800, 500, 15
WEIGHTS = (0.0, 1.0, 10.0, 100.0)


def judged(model, test):
    """chi2 a pixel (of the median galaxy: the mean is that of the brightest), and both AUCs, each with its error."""
    sides = comparable(test, model.sample(len(test), seed=5), seed=6)
    return (
        bootstrap(np.nanmedian, chi2_per_pixel(test, model.reconstruct(test, ["image"]))),
        forest_auc(sides),
        network_auc(sides),
    )


def test_what_a_critic_brings_and_costs():
    galaxies = gw.simulate(TRAINING + TEST, "KiDS", seed=32, stamp=16, bands=["g", "r", "i"], mag_limit=20.5, flatten=0.5, progress=False)
    training, test = galaxies[:TRAINING], galaxies[TRAINING:]
    model = gw.fit(training, epochs=EPOCHS, latent_size=12, prior_epochs=2 * EPOCHS, seed=1, progress=False)
    found = {"before": judged(model, test)}
    print(f"\n{'weight':>8}{'chi2, median':>18}{'AUC, forest':>18}{'AUC, network':>18}")
    for weight in WEIGHTS:
        found[f"{weight:g}"] = judged(gw.refine_adversarially(model, training, weight=weight, epochs=5, seed=2, progress=False), test)
    for name, scores in found.items():
        print(f"{name:>8}" + "".join(f"{value:10.3f} ± {error:.3f}" for value, error in scores))
    # nothing that a critic asks for at the default weight may undo the likelihood
    assert found["10"][0][0] < found["0"][0][0] + 0.05
