"""Scores of conditions, predictions, missing modalities and edits: a model that obeys passes, and each fault made on purpose is seen."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from scipy.stats import norm
from toy_model import ToyModel

import galwidget as gw
from galwidget.evaluation import condition_scores, evaluate
from galwidget.evaluation.conditions import conditions
from galwidget.evaluation.edits import edits
from galwidget.evaluation.missing import missing, without_attributes
from galwidget.evaluation.missing_in_training import missing_in_training
from galwidget.evaluation.prediction import crps, ks_uniform, prediction
from galwidget.evaluation.report import Evaluation
from galwidget.evaluation.scores import Part, Score, bootstrap
from galwidget.latent import Latent

NAMES = ("mag_r", "g_r", "r_half")
SHARES = (0.0, 0.5, 0.9)


class Obedient(ToyModel):
    """The toy, with the names that an evaluation asks for."""

    def __init__(self) -> None:
        super().__init__(stamp=32)
        self.conditions = {name: self.conditions[name] for name in NAMES}
        scalings = {name: SimpleNamespace(typical=condition.default) for name, condition in self.conditions.items()}
        groups = {"brightness": ("mag_r",), "colours": ("g_r",), "shape": ("r_half",)}
        self.inputs = SimpleNamespace(scalings=scalings, groups=groups, modalities=("image", *groups))


class Deaf(Obedient):
    """Takes the requests of one galaxy for those of another."""

    def draw(self, n, *, seed=None, temperature=1.0, **asked):
        order = np.random.default_rng(1).permutation(n)
        return super().draw(n, seed=seed, temperature=temperature, **{name: np.asarray(values)[order] for name, values in asked.items()})


class Permuted(Obedient):
    """Edits another galaxy than the one it was given."""

    def edit_latent(self, of, *, seed=None, **attributes):
        moved = super().edit_latent(of, seed=seed, **attributes)
        return moved[np.roll(np.arange(len(moved)), 1)]


class Entangled(Obedient):
    """Makes a galaxy larger when it is made brighter, and does not know the way back."""

    def edit_latent(self, of, *, seed=None, **attributes):
        moved = super().edit_latent(of, seed=seed, **attributes)
        z = moved.mean.copy()
        if "mag_r" in attributes:
            z[:, 2] += 0.8 * np.abs(z[:, 0] - of.mean[:, 0])
        return Latent(z, moved.std)


@pytest.fixture(scope="module")
def requests():
    """Galaxies that exist: those of the toy, measured without noise."""
    model = Obedient()
    drawn = model.decode(Latent(np.random.default_rng(5).normal(size=(60, 6)).clip(-1.5, 1.5)))
    return gw.measure(gw.observe(drawn, noise=False), noiseless=True)


def by_name(part: Part) -> dict[str, Score]:
    return {score.name: score for score in part.scores}


def test_requests_that_are_met_are_told_from_requests_that_are_shuffled(requests):
    good, bad = (by_name(conditions(model(), requests)) for model in (Obedient, Deaf))
    for name in ("mag_r", "g_r"):
        for how in ("jointly", "alone"):
            assert good[f"{name} {how}: R2"].value > 0.7  # the toy's colour is of the whole galaxy, and the PSF not the same in every band
            assert bad[f"{name} {how}: R2"].value < 0.2
            assert abs(bad[f"{name} {how}: slope"].value - 1) > abs(good[f"{name} {how}: slope"].value - 1) + 0.3
            assert bad[f"{name} {how}: scatter"].value > 3 * good[f"{name} {how}: scatter"].value
            assert good[f"{name} {how}: R2"].reference < 0.2


def test_a_share_that_cannot_be_measured_is_said(requests):
    score = next(score for score in condition_scores(Obedient(), requests, only=["mag_r"], noise=False))
    assert score.measured == 1
    assert score.permuted_r2 < 0.2 < score.r2


def test_edits_that_obey_have_slope_one_and_lead_back(requests):
    found = by_name(edits(Obedient(), gw.Galaxies(_flux(requests), survey=requests.survey)))
    assert found["mag_r: slope of the edited"].value == pytest.approx(1, abs=0.05)
    assert found["g_r: slope of the edited"].value == pytest.approx(1, abs=0.05)
    for label in ("edit of nothing", "there and back"):
        assert found[f"mag_r: {label}, change of the picture"].value < 1e-3


@pytest.mark.parametrize("fault", [Permuted, Entangled])
def test_edits_that_are_broken_on_purpose_score_worse(requests, fault):
    galaxies = gw.Galaxies(_flux(requests), survey=requests.survey)
    good, bad = (by_name(edits(model(), galaxies)) for model in (Obedient, fault))
    back = "mag_r: there and back, change of the picture"
    assert bad[back].value > good[back].value + 3 * bad[back].error
    if fault is Permuted:
        nothing = "mag_r: edit of nothing, change of the picture"
        assert bad[nothing].value > good[nothing].value + 3 * bad[nothing].error
        scatter = "mag_r: scatter of the edited (sigma)"
        assert bad[scatter].value > good[scatter].value + 3 * bad[scatter].error
    else:
        slope = "mag_r: slope of the edited"
        drift = [sum(score.value for name, score in part.items() if name.startswith("mag_r: largest drift")) for part in (good, bad)]
        assert bad[slope].value == pytest.approx(1, abs=0.3)
        assert drift[1] > drift[0] + 0.05


def _flux(galaxies):
    return galaxies.require_images()[0]


class Normal:
    """A Gaussian prediction."""

    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def cdf(self, values):
        return norm.cdf((values - self.mean) / self.std)

    def samples(self, count, seed=None):
        return self.mean[:, None] + self.std * np.random.default_rng(seed).standard_normal((len(self.mean), count))


class Guessing(Obedient):
    """Knows the redshift to 0.03 from an image and to 0.1 from attributes, and says how well it knows; faults are arguments.

    Parameters
    ----------
    confidence
        Factor of the stated width.
    shuffled
        Whether the prediction of one galaxy is given for another.
    """

    def __init__(self, truth, *, confidence=1.0, shuffled=False) -> None:
        super().__init__()
        self.truth, self.confidence, self.shuffled = truth, confidence, shuffled
        self.inputs.groups["redshift"] = ("redshift",)
        self.inputs.modalities += ("redshift",)
        self.inputs.scalings["redshift"] = SimpleNamespace(typical=0.3)

    def predict(self, galaxies, attribute, using=None, *, seed=0):  # noqa: ARG002 (the interface of a model)
        truth = galaxies.attribute("identifier")
        using = self.inputs.modalities if using is None else using
        seen = np.mean([np.isfinite(galaxies.attribute(name)).mean() for name in NAMES])
        width = 0.03 if "image" in using else 0.1 / max(seen, 0.1)
        mean = truth + width * np.random.default_rng(2).standard_normal(len(truth))
        return Normal(mean[np.roll(np.arange(len(mean)), 7)] if self.shuffled else mean, width * self.confidence)

    def reconstruct(self, galaxies, using=None):
        flux = _flux(galaxies)
        return gw.Galaxies(flux if using is None or "image" in using else 0 * flux, galaxies.ivar, survey=galaxies.survey)


@pytest.fixture(scope="module")
def redshifts(requests):
    """The same galaxies with redshifts; ``identifier`` is a copy that no one masks."""
    table = requests.to_table()
    table["redshift"] = table["identifier"] = np.random.default_rng(9).uniform(0.1, 0.6, len(requests))
    return requests.with_table(table)


@pytest.fixture(scope="module")
def predicted(redshifts):
    """Scores of a calibrated, an overconfident and a shuffled model."""
    truth = redshifts.attribute("redshift")
    faults = ({}, {"confidence": 0.2}, {"shuffled": True})
    return [by_name(prediction(Guessing(truth, **fault), redshifts, only=["redshift"])) for fault in faults]


def test_a_calibrated_prediction_passes(predicted):
    good = predicted[0]
    assert good["from image: photo-z sigma_NMAD"].value < 0.04
    assert good["from image: PIT, KS distance"].value < 2 * good["from image: PIT, KS distance"].perfect
    assert abs(good["from image: coverage of 68%"].value - 0.68) < 0.15
    assert good["from image: scatter"].value < good["from attributes: scatter"].value


def test_an_overconfident_prediction_fails_its_calibration(predicted):
    good, bad, _ = predicted
    assert bad["from image: PIT, KS distance"].value > good["from image: PIT, KS distance"].value + 0.1
    assert bad["from image: coverage of 68%"].value < 0.4
    assert bad["from image: log score"].value < good["from image: log score"].value - 0.5


def test_shuffled_attributes_make_every_score_of_a_prediction_worse(predicted):
    good, _, bad = predicted
    for name in ("scatter", "CRPS", "photo-z sigma_NMAD", "photo-z outliers beyond 0.05", "photo-z outliers beyond 0.15"):
        assert bad[f"from image: {name}"].value > 2 * good[f"from image: {name}"].value + 0.01
    assert bad["from image: log score"].value < good["from image: log score"].value - 1


def test_what_is_missing_costs_what_it_carried(redshifts):
    found = missing(Guessing(redshifts.attribute("redshift")), redshifts, subsets=20)
    scores = by_name(found)
    assert scores["chi2 a pixel without image"].value > 10 * scores["chi2 a pixel without colours"].value + 1
    half = scores["photo-z sigma_NMAD from attributes, half of the attributes removed"]
    assert half.value > 1.3 * half.reference
    assert len(found.tables["every subset of modalities"]) == 2**5 - 1


def test_a_share_of_the_attributes_is_masked_and_the_rest_is_kept(redshifts):
    half = without_attributes(redshifts, ["mag_r", "redshift"], 0.5, seed=1)
    for name in ("mag_r", "redshift"):
        left = np.isfinite(half.attribute(name))
        assert 0.3 < left.mean() < 0.7
        np.testing.assert_array_equal(half.attribute(name)[left], redshifts.attribute(name)[left])
    assert np.isfinite(redshifts.attribute("mag_r")).all()


def test_crps_of_a_gaussian_is_the_closed_form():
    """Gneiting & Raftery (2007), equation 21, at the mean: sigma (sqrt(2) - 1) / sqrt(pi)."""
    samples = np.random.default_rng(1).normal(size=(1, 20_000))
    assert crps(samples, np.zeros(1))[0] == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), rel=0.05)


def test_uniform_values_are_uniform_and_a_heap_is_not():
    assert ks_uniform((np.arange(1000) + 0.5) / 1000) < 0.001
    assert ks_uniform(np.full(1000, 0.5)) == pytest.approx(0.5)


def test_bootstrap_error_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(1).normal(size=400)
    assert bootstrap(np.mean, values)[1] == pytest.approx(values.std() / 20, rel=0.2)


def test_an_evaluation_is_one_report(requests, tmp_path):
    """What the model has no verb for is left out and said; the page needs nothing from anywhere; JSON has no NaN."""
    seen = gw.observe(Obedient().sample(60, seed=4), seed=5)
    seen = seen.with_table(requests.table)
    found = evaluate(Obedient(), seen, sections=["realism", "conditions", "prediction"], quick=True, progress=False)
    assert "predict" in found.skipped["prediction"]
    assert {"realism, unconditional", "realism, given brightness", "realism, given every attribute"} <= found.parts.keys()
    assert found["conditions", "mag_r jointly: R2"].value > 0.9
    assert len(found.table) == len(found.scores) > 20
    page = found.to_html(tmp_path / "evaluation.html")
    assert (tmp_path / "evaluation.html").read_text(encoding="utf-8") == page
    assert "data:image/svg+xml;base64," in page
    assert 'src="http' not in page
    described = json.loads(found.to_json(tmp_path / "evaluation.json"), parse_constant=pytest.fail)
    assert described["parts"]["conditions"]["scores"][0]["perfect"] == 1
    assert "mag_r jointly: R2" in found.to_text()


class Stumbling(Obedient):
    """Cannot edit."""

    def edit_latent(self, *_of, **_attributes):
        raise ArithmeticError("no way there")


def test_a_section_that_fails_is_named_and_does_not_cost_the_others(requests):
    seen = gw.observe(Obedient().sample(60, seed=4), seed=5).with_table(requests.table)
    with pytest.warns(RuntimeWarning, match="edits could not be judged: no way there"):
        found = evaluate(Stumbling(), seen, sections=["edits", "conditions"], quick=True, progress=False)
    assert found.skipped["edits"] == "it failed: ArithmeticError: no way there"
    assert found["conditions", "mag_r jointly: R2"].value > 0.9


def test_a_section_or_a_score_that_does_not_exist_names_those_that_do(requests):
    with pytest.raises(ValueError, match="reconstruction, realism"):
        evaluate(Obedient(), requests, sections=["beauty"])
    found = Evaluation("m", {}, {"a": Part([Score("a", "b", 1.0)])})
    with pytest.raises(KeyError, match="a has b"):
        found["a", "c"]


def test_galaxies_without_images_cannot_be_judged():
    with pytest.raises(ValueError, match="no images"):
        evaluate(Obedient(), gw.Galaxies(table=QTable({"mag_r": [20.0] * u.mag}), survey="KiDS"))


def test_the_page_says_of_which_attribute_each_number_is():
    scores = [Score(f"prediction of {name}", "from image: scatter", 0.1234, 0.012, reference=0.2, against="a forest") for name in NAMES]
    page = Evaluation("m", {}, {"prediction": Part(scores)}).to_html()
    headings = [page.index(f"<h3>Prediction of {name}</h3>") for name in NAMES]
    assert headings == sorted(headings)
    assert page.count("0.123 ± 0.012") == page.count("reference 0.2<") == len(NAMES)
    assert page.count("Reference: a forest.") == len(NAMES)
    words = Evaluation("m", {}, {"prediction": Part(scores)}).to_text()
    assert all(f"\nprediction of {name}\n" in words for name in NAMES)


def test_what_is_perfect_for_every_row_is_said_once():
    scores = [Score("a", f"{row}: R2", 0.9, 0.01, 1.0) for row in ("one", "other")] + [Score("a", "one: bias", 0.2, 0.01, 0.1)]
    page = Evaluation("m", {}, {"a": Part([*scores, Score("a", "other: bias", 0.2, 0.01, 0.3)])}).to_html()
    assert page.count("perfect 1<") == 1
    assert page.count("perfect 0.1<") == page.count("perfect 0.3<") == 1


class Learner(Obedient):
    """Meets requests and predicts as well as its training attributes were complete, or as well as ever.

    Parameters
    ----------
    training
        What it was shown.
    robust
        Whether it does not mind.
    """

    def __init__(self, training, *, robust) -> None:
        super().__init__()
        self.known = np.mean([np.isfinite(training.attribute(name)).mean() for name in NAMES])
        self.error = 0.0 if robust else 1 - self.known

    def predict(self, galaxies, attribute, using=None, *, seed=0):  # noqa: ARG002 (the interface of a model)
        truth = galaxies.attribute(attribute)
        noise = np.random.default_rng(3).standard_normal(len(truth))
        return Normal(truth + self.error * truth.std() * noise, 0.01 * truth.std())


def kept(requests, robust, **settings):
    seen = []

    def fit(training, seed):
        seen.append((seed, Learner(training, robust=robust)))
        return seen[-1][1]

    part = missing_in_training(fit, requests, requests, shares=SHARES, progress=False, **settings)
    return part, seen


def test_a_learner_that_needs_its_attributes_keeps_less_of_its_score(requests):
    (robust, _), (needy, _) = (kept(requests, robust, seeds=(0, 1)) for robust in (True, False))
    good, bad = ({score.name: score for score in part.scores} for part in (robust, needy))
    for share in ("50%", "90%"):
        name = f"score kept, {share} of the training attributes removed"
        assert good[name].value == pytest.approx(1, abs=0.01)
        assert bad[name].value < good[name].value - 3 * bad[name].error
    assert bad["prediction from the image: R2, 50% removed"].value == pytest.approx(1 - 0.5**2, abs=0.15)
    assert needy.curves["score kept"].perfect == 1
    assert [row["seed"] for row in needy.tables["score kept, by seed"]] == ["0", "1"]


def test_each_seed_trains_on_every_share_and_removes_that_share(requests):
    _, seen = kept(requests, True, seeds=(4, 5))
    assert [seed for seed, _ in seen] == [4, 4, 4, 5, 5, 5]
    assert [model.known for _, model in seen] == pytest.approx([1, 0.5, 0.1] * 2, abs=0.12)


def test_shares_begin_with_nothing_removed(requests):
    with pytest.raises(ValueError, match="begin with 0"):
        missing_in_training(lambda *_: None, requests, requests, shares=(0.5,))
