"""Importing galwidget: fast, light, every public name reachable, every library declared."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import galwidget

ROOT = Path(galwidget.__file__).parent
HEAVY = {"torch", "matplotlib", "bqplot", "galsim", "lightning", "sep", "reproject", "scipy", "IPython", "anywidget"}


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_import_takes_less_than_three_tenths_of_a_second():
    code = "import time; start = time.perf_counter(); import galwidget; print(time.perf_counter() - start)"
    assert min(in_a_new_process(code) for _ in range(5)) < 0.3  # the best: what else the machine does is not ours


@pytest.mark.parametrize("use", ["", "; galwidget.Galaxies; galwidget.Survey.named('LSST')"])
def test_import_loads_no_heavy_library(use):
    loaded = in_a_new_process(f"import json, sys, galwidget{use}; print(json.dumps(sorted(sys.modules)))")
    assert "galwidget" in loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_the_first_draw_of_a_kernel_waits_for_no_computer_algebra():
    code = "import json, sys, galwidget; galwidget.load().sample(2, seed=1, mag_r=20.0); print(json.dumps('sympy' in sys.modules))"
    assert in_a_new_process(code) is False


IMPORT_ALL = """
import importlib, json, pkgutil, galwidget
modules = [module.name for module in pkgutil.walk_packages(galwidget.__path__, "galwidget.")]
for module in modules:
    importlib.import_module(module)
kinds = {name: type(getattr(galwidget, name)).__name__ for name in galwidget.__all__}
print(json.dumps([modules, kinds]))
"""


def test_no_submodule_hides_a_public_name():
    modules, kinds = in_a_new_process(IMPORT_ALL)
    assert {f"galwidget.{path.stem}" for path in ROOT.glob("*.py") if path.stem != "__init__"} <= set(modules)
    assert {"Galaxies", "Survey", "fit", "load", "read", "read_field", "simulate", "explore"} <= set(kinds)
    assert [name for name, kind in kinds.items() if kind == "module"] == []


def imported_libraries():
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            yield from ((name.partition(".")[0], path.name) for name in names)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions_of(lines):
    return {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def declared(project):
    return distributions_of(project["dependencies"])


@pytest.fixture(scope="module")
def optional(project):
    return distributions_of(line for extra in project["optional-dependencies"].values() for line in extra)


@pytest.fixture(scope="module")
def imported():
    """Distributions that the package imports anywhere, and the files that do."""
    distributions = packages_distributions()
    libraries = {}
    for library, file in imported_libraries():
        if library not in {"galwidget", *sys.stdlib_module_names}:
            libraries.setdefault(canonical(distributions.get(library, [library])[0]), set()).add(file)
    return libraries


def test_every_imported_library_is_a_declared_dependency(declared, optional, imported):
    assert {library: files for library, files in imported.items() if library not in declared | optional} == {}


def test_every_declared_dependency_is_imported(declared, imported):
    assert declared - set(imported) == set()
