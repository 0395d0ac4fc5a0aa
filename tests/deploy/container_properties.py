"""Print properties of the container that runs this script, as JSON; the tests of the image run it by `python -c`."""

import json
import os
import shutil
import sysconfig
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

_BUILDERS = ("gcc", "g++", "cc", "c++", "ld", "as", "make", "cmake", "cargo", "git", "pip", "pip3")
_MODULES = ("pip", "setuptools", "wheel", "ensurepip", "hatchling", "pytest", "mypy")
_BUILD_FILES = ("/source", "/etc/pip.conf", "/etc/pip/pip.conf")
_FOLDERS = ("/", "/tmp", "/var/tmp", "/opt/reprise")

status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
packages = distributions(path=[sysconfig.get_path("purelib")])
print(  # noqa: T201  # the script's output
    json.dumps(
        {
            "ids": [os.getuid(), os.getgid()],
            "programs": [name for name in _BUILDERS if shutil.which(name)],
            "modules": [name for name in _MODULES if find_spec(name)],
            "build_files": [path for path in _BUILD_FILES if Path(path).exists()],
            "writable": [path for path in _FOLDERS if not os.statvfs(path).f_flag & os.ST_RDONLY],
            "capabilities": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")],
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "packages": {package.name.lower().replace("_", "-"): package.version for package in packages},
        }
    )
)
