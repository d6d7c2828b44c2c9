"""The wheel, built from the source distribution and installed into an empty environment, does the main job."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=900, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Source distribution and wheel, as a release makes them: the wheel is built from the unpacked source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of an empty environment that holds the wheel alone.

    Its dependencies are borrowed from the environment of the tests: installing their 35,000 files again takes minutes. That each
    library it imports is declared, test_import shows.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    run(interpreter, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    packages = next(folder.glob("lib/python*/site-packages"))
    packages.joinpath("borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return interpreter


def ask(python, code):
    # no PATH: an installed wheel needs no Node; no folder of the checkout to import from
    return json.loads(run(python, "-I", "-c", code, cwd=python.parent, env={"OMP_NUM_THREADS": "1"}).splitlines()[-1])


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"galwidget"}
    sources = {str(path.relative_to(ROOT)) for path in ROOT.joinpath("galwidget").rglob("*.py")}
    assert sources <= set(names)
    assert {"galwidget/__init__.pyi", *(f"galwidget/static/{name}" for name in ("widget.js", "loader.js", "widget.css"))} <= set(names)
    assert [name for name in names if name.endswith((".gitkeep", ".ts", ".map", ".pyc"))] == []


def test_the_front_end_in_the_wheel_is_one_module_its_loader_and_one_style_sheet(wheel):
    with zipfile.ZipFile(wheel) as archive:
        static = {Path(name).name: archive.read(name) for name in archive.namelist() if name.startswith("galwidget/static/")}
    assert set(static) == {"widget.js", "loader.js", "widget.css"}
    assert b"export{" in static["widget.js"]
    assert b"export{" in static["loader.js"]
    assert len(static["widget.css"]) > 100


def test_an_empty_environment_imports_it_and_finds_its_front_end(python):
    code = (
        "import json, galwidget; from importlib.resources import files; static = files('galwidget') / 'static'; "
        "print(json.dumps([galwidget.__file__, len((static / 'widget.js').read_text()), len((static / 'widget.css').read_text())]))"
    )
    where, script, style = ask(python, code)
    assert Path(where).is_relative_to(python.parent.parent)
    assert min(script, style) > 100


def test_an_empty_environment_finds_the_weights_and_makes_galaxies(python):
    code = (
        "import json, galwidget as gw; galaxies = gw.load().sample(2, seed=1); "
        "print(json.dumps([len(galaxies), galaxies.survey.band_names, float(galaxies.flux.min())]))"
    )
    count, bands, faintest = ask(python, code)
    assert (count, bands) == (2, ["u", "g", "r", "i", "Z"])
    assert faintest >= 0


def test_an_empty_environment_shows_widgets_with_their_front_end(python):
    code = (
        "import json, galwidget as gw; grid = gw.GalaxyGrid(gw.load()); print(json.dumps([str(grid._esm), grid._bundle, str(grid._css)]))"
    )
    loader, script, style = ask(python, code)
    assert "export{" in loader
    assert "export{" in script
    assert "{" in style


def test_the_command_is_installed(python):
    assert "train" in run(python.parent / "galwidget", "--help")
