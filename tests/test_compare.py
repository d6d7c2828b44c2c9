"""`compare`: one table and one picture of many models, and a judge that can say no."""

import numpy as np
import pytest
from astropy.table import QTable

import galwidget as gw
from galwidget.baselines import fit_baseline
from galwidget.cli import main
from galwidget.comparison_scores import Judge, code_bits, code_steps
from galwidget.evaluation import chi2_per_pixel
from galwidget.latent import Latent


@pytest.fixture(scope="module")
def sample():
    return gw.simulate(200, "KiDS", seed=3, stamp=16, bands=["g", "r"], mag_limit=20.5, progress=False)


@pytest.fixture(scope="module")
def comparison(sample):
    return gw.compare(sample, ["pca", "cvae", "gan", "mvae"], latent_size=4, epochs=1, flow_epochs=1, progress=False)


def test_a_row_for_the_data_and_one_for_each_model(comparison):
    assert list(comparison.table["model"]) == ["data", "pca", "cvae", "gan", "mvae"]
    assert set(comparison.models) == {"pca", "cvae", "gan", "mvae"}
    assert "wasserstein_flow" in str(comparison)


def test_a_number_is_there_where_the_model_can_have_one(comparison):
    table = comparison.table
    known = {name: dict(zip(table["model"], np.isfinite(table[name]), strict=True)) for name in ("chi2", "auc", "r2", "r2_flow", "bits")}
    assert known["chi2"] == known["bits"] == {"data": False, "pca": True, "cvae": True, "gan": False, "mvae": True}
    assert all(known["auc"].values())
    assert known["r2"] == {"data": False, "pca": False, "cvae": True, "gan": False, "mvae": True}
    assert known["r2_flow"] == {"data": False, "pca": True, "cvae": False, "gan": False, "mvae": True}


def test_the_table_and_the_picture_are_written(comparison, tmp_path):
    comparison.write(tmp_path / "new")
    again = QTable.read(tmp_path / "new" / "table.ecsv")
    assert np.array_equal(again["auc"], comparison.table["auc"])
    assert (tmp_path / "new" / "models.png").read_bytes().startswith(b"\x89PNG")


def test_the_judge_tells_dimmed_galaxies_from_galaxies_and_not_galaxies_from_galaxies(sample):
    judge = Judge(sample[:100], seed=0)
    others = sample[100:]
    dimmed = gw.Galaxies(0.1 * others.flux, others.ivar, others.psf, survey=others.survey)
    fair, unfair = (judge.of_data(drawn) for drawn in (others, dimmed))
    assert fair["auc"] < 0.65
    assert unfair["auc"] > 0.75
    assert fair["wasserstein"] < 0.5 * unfair["wasserstein"]


def test_the_judge_tells_obedience_from_its_absence(sample):
    model = fit_baseline("cvae", sample, latent_size=4, epochs=10, progress=False)
    judge = Judge(sample[:100], seed=0)

    def disobedient(n, *, seed, **conditions):
        order = np.random.default_rng(0).permutation(n)
        return model.sample(n, seed=seed, **{name: value[order] for name, value in conditions.items()})

    assert judge.obedience(disobedient, model) < judge.obedience(model.sample, model)


def test_rounding_a_code_costs_the_chi2_that_was_asked(sample):
    model = fit_baseline("pca", sample, latent_size=8)
    steps = code_steps(model, sample, cost=0.05)
    code = model.encode(sample).mean
    exact, rounded = (
        gw.Galaxies(model.decode(Latent(z)).flux, sample.ivar, survey=sample.survey) for z in (code, steps * np.round(code / steps))
    )
    # chi2 of one redrawn galaxy against the other: what the rounding alone adds
    assert np.mean(chi2_per_pixel(exact, rounded)) == pytest.approx(0.05, rel=0.2)


def test_coarser_codes_take_fewer_bits(sample):
    model = fit_baseline("pca", sample, latent_size=8)
    fine, coarse = (code_bits(model, sample, cost) for cost in (0.001, 0.1))
    assert fine[0] == coarse[0] == 8
    assert fine[1] > coarse[1] + 8


def test_models_that_do_not_exist_are_named(sample):
    with pytest.raises(ValueError, match="there is no model 'vaegan'; choose from pca"):
        gw.compare(sample, ["pca", "vaegan"])


def test_too_few_or_unmeasured_galaxies_are_refused(sample):
    with pytest.raises(ValueError, match="20 galaxies are too few"):
        gw.compare(sample[:20])
    with pytest.raises(ValueError, match="measure them first"):
        gw.compare(sample.with_table(None))


def test_the_command_line_compares_a_file(sample, tmp_path, capsys):
    sample[:60].write(tmp_path / "galaxies.fits")
    assert main(["compare", str(tmp_path / "out"), "--data", str(tmp_path / "galaxies.fits"), "--models", "pca", "--latent-size", "4"]) == 0
    assert "pca" in capsys.readouterr().out
    assert (tmp_path / "out" / "models.png").is_file()
    assert main(["compare", str(tmp_path / "out"), "--data", str(tmp_path / "galaxies.fits"), "--models", "none"]) == 2
    assert "choose from" in capsys.readouterr().err
