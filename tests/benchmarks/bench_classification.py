"""Classification: simulated types and bulge fractions against a random forest on measured attributes; Galaxy Zoo against a small CNN.

Run with ``pytest tests/benchmarks/bench_classification.py -s --override-ini=python_files='bench_*.py'``: some two minutes for the types,
ten trainings of a minute or two each for the votes (GALWIDGET_DATA).
"""

from itertools import pairwise

import numpy as np
from galaxy_zoo import folds, galaxy_zoo, said_by_cnn, said_by_voters
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

import galwidget as gw
from galwidget.evaluation.scores import bootstrap
from galwidget.measurement import measured_names
from galwidget.prediction import CategoryPrediction
from galwidget.science.classification import TYPES, hubble_types
from galwidget.science.classification_scores import confusion, expected_calibration_error, log_score
from galwidget.science.votes import QUESTIONS

NAMES = tuple(TYPES)
_MAGNITUDES = (16.0, 19.0, 20.0, 21.0, 22.0, 22.5)


def judged(label, probabilities, truth):
    """Scores of one way to classify, printed with their errors; log scores (n,)."""
    logs = log_score(probabilities, NAMES, truth)
    right = np.array(NAMES)[probabilities.argmax(1)] == truth
    columns = np.array([NAMES.index(name) for name in truth])
    (accuracy, accuracy_error), (mean, error) = bootstrap(np.mean, right.astype(float)), bootstrap(np.mean, logs)
    ece, ece_error = bootstrap(lambda p, y: expected_calibration_error(p, range(4), y), probabilities, columns)
    print(
        f"{label:28s} accuracy {accuracy:.4f} +- {accuracy_error:.4f}, log score {mean:.4f} +- {error:.4f}, "
        f"ECE {ece:.4f} +- {ece_error:.4f}"
    )
    return logs


def test_simulated_types_against_a_forest_on_measured_attributes():
    model = gw.load()
    train, test = (
        gw.simulate(n, model.survey, seed, stamp=model.stamp, flatten=0.5, measured=False, progress=False)
        for n, seed in ((2048, 901), (1500, 902))
    )
    truth, magnitude = hubble_types(test), test.attribute("true_mag_r")
    found = gw.classify(model, test, reference=train, progress=False)
    names = [name for name in measured_names(model.survey) if name not in ("e1", "e2", "position_angle")]
    columns, unseen = (np.nan_to_num(np.stack([gw.measure(part).attribute(name) for name in names], 1), nan=-9) for part in (train, test))
    forest = RandomForestClassifier(300, min_samples_leaf=5, max_features=0.4, random_state=0).fit(columns, hubble_types(train))
    theirs = forest.predict_proba(unseen)[:, [list(forest.classes_).index(name) for name in NAMES]]
    parts = [model.predict(test[start : start + 256], "morphology", ["image"]) for start in range(0, len(test), 256)]
    assert isinstance(parts[0], CategoryPrediction)
    five = np.concatenate([part.probabilities for part in parts])
    kinds = parts[0].categories
    raw = np.stack([five[:, [kinds.index(kind) for kind in TYPES[name]]].sum(1) for name in NAMES], 1)
    print()
    ways = {"classify": found.probabilities, "model alone, uncalibrated": raw, "forest on measurements": theirs}
    logs = {label: judged(label, probabilities, truth) for label, probabilities in ways.items()}
    gain, error = bootstrap(np.mean, logs["classify"] - logs["forest on measurements"])
    print(f"log score above the forest's: {gain:.4f} +- {error:.4f}")
    print(f"confusion (rows true, {', '.join(NAMES)}):\n{confusion(found.probabilities, NAMES, truth)}")
    for low, high in pairwise(_MAGNITUDES):
        inside = (magnitude >= low) & (magnitude < high)
        for label in ("classify", "forest on measurements"):
            judged(f"r {low:g}-{high:g} ({inside.sum()}) {label[:8]}", ways[label][inside], truth[inside])
    bulge = test.attribute("bulge_fraction")
    missed = found.bulge_fraction - bulge
    reference = RandomForestRegressor(300, min_samples_leaf=5, max_features=0.4, random_state=0)
    other = reference.fit(columns, train.attribute("bulge_fraction")).predict(unseen) - bulge
    (ours, ours_error), (forest_rms, forest_error) = (bootstrap(lambda d: np.sqrt(np.mean(d**2)), part) for part in (missed, other))
    pull = missed / found.bulge_fraction_error
    print(
        f"bulge fraction: rms error {ours:.4f} +- {ours_error:.4f}, forest {forest_rms:.4f} +- {forest_error:.4f}; "
        f"rms pull {np.sqrt(np.mean(pull**2)):.3f}, within one error {np.mean(np.abs(pull) < 1):.1%}"
    )
    assert gain > 3 * error
    assert ours < forest_rms
    assert expected_calibration_error(found.probabilities, NAMES, truth) < 0.04


def excess(votes, said):
    """Cross-entropy of what was said less the votes' own entropy, (n, question), nats."""
    said, own = said.clip(1e-3, 1 - 1e-3), votes.clip(1e-9, 1 - 1e-9)

    def entropy(p):
        return -(votes * np.log(p) + (1 - votes) * np.log(1 - p))

    return entropy(said) - entropy(own)


def test_votes_of_galaxy_zoo_against_a_small_cnn():
    _, votes, _ = galaxy_zoo()
    said = {"galwidget": np.zeros_like(votes), "CNN": np.zeros_like(votes), "constant": np.zeros_like(votes)}
    for number, (train, test) in enumerate(folds()):
        said["galwidget"][test], said["CNN"][test] = said_by_voters(number), said_by_cnn(number)
        said["constant"][test] = votes[train].mean(0)
        print(f"fold {number}: " + ", ".join(f"{label} {excess(votes[test], p[test]).mean():.4f}" for label, p in said.items()), flush=True)
    for label, p in said.items():
        mean, error = bootstrap(np.mean, excess(votes, p).mean(1))
        each = ", ".join(
            f"{name} {nats:.4f} (rms {rms:.3f})"
            for name, nats, rms in zip(QUESTIONS, excess(votes, p).mean(0), np.sqrt(np.mean((votes - p) ** 2, 0)), strict=True)
        )
        agree, agree_error = bootstrap(np.mean, ((p[:, 0] > 0.5) == (votes[:, 0] > 0.5)).astype(float))
        print(f"{label:12s} {mean:.4f} +- {error:.4f} nats above the votes' entropy: {each}")
        print(f"{'':12s} the same majority on smooth: {agree:.3f} +- {agree_error:.3f}")
    gain, error = bootstrap(np.mean, (excess(votes, said["CNN"]) - excess(votes, said["galwidget"])).mean(1))
    print(f"better than the CNN by {gain:.4f} +- {error:.4f} nats a question")
    assert gain > 0
