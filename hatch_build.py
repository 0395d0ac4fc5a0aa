"""Build hook of hatchling: compile the native text step (worker/native) if a Rust compiler is installed.

Without cargo, or if the compilation fails, for instance because crates.io is not reachable, the package is built
without the native module and uses numpy. The environment variable REPRISE_NATIVE changes that: 0 never compiles, and
with 1 a failure is an error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: The module in the source tree, for an editable installation, and in the wheel.
MODULE = Path("reprise/dedup/text/_native.abi3.so")

#: The oldest Python whose stable ABI the module uses; the same as the feature of PyO3 in Cargo.toml.
ABI = "cp311-abi3"


class NativeBuildHook(BuildHookInterface):
    """Add the native module to the wheel, and the platform to the wheel's name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the module. In an editable installation it lies in the source tree, else in the wheel alone."""
        library = self._compile()
        if version == "editable":
            installed = Path(self.root, "worker", MODULE)
            installed.unlink(missing_ok=True)  # also removes the module of an earlier build
            if library:
                shutil.copy2(library, installed)
        elif library:
            build_data["force_include"][str(library)] = str(MODULE)
            build_data["pure_python"] = False
            # hatchling's own tag is that of the interpreter: only its platform is kept.
            platform = self.build_config.builder.get_best_matching_tag().rpartition("-")[2]
            build_data["tag"] = f"{ABI}-{platform}"

    def _compile(self) -> Path | None:
        """Return the compiled library, or None if there is none and REPRISE_NATIVE allows that."""
        mode = os.environ.get("REPRISE_NATIVE", "")
        if mode == "0":
            return None
        try:
            return _run_cargo(Path(self.root))
        except (OSError, subprocess.CalledProcessError) as error:
            if mode == "1":
                raise SystemExit(f"REPRISE_NATIVE=1, but the native text step cannot be built: {error}") from None
            self.app.display_warning(f"reprise is installed without its native text step, which is slower: {error}")
            return None


def _run_cargo(root: Path) -> Path:
    """Compile the crate and return the library. Raises OSError without cargo, CalledProcessError for its errors."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "build" / "native"))
    settings = {
        "CARGO_TARGET_DIR": str(target),
        "PYO3_BUILD_EXTENSION_MODULE": "1",  # the interpreter that loads the module provides Python's symbols
        "PYO3_NO_PYTHON": "1",  # the stable ABI needs no interpreter at build time
    }
    # Give up early on a network without crates.io.
    limits = {"CARGO_NET_RETRY": "1", "CARGO_HTTP_TIMEOUT": "15"}
    command = ["cargo", "rustc", "--release", "--locked", "--lib"]
    command += ["--manifest-path", str(root / "worker/native/Cargo.toml")]
    suffix = ".so"
    if sys.platform == "darwin":
        command += ["--", "-C", "link-arg=-undefined", "-C", "link-arg=dynamic_lookup"]
        suffix = ".dylib"
    subprocess.run(command, check=True, env={**limits, **os.environ, **settings})  # noqa: S603 - a fixed command
    return target / "release" / f"lib_native{suffix}"
