"""Run inside a container of the image, as `python -c`: prints as JSON who it is and what it finds there."""

import json
import os
import shutil
import sysconfig
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

_BUILDERS = ("gcc", "g++", "cc", "c++", "ld", "as", "make", "cmake", "cargo", "git", "pip", "pip3")
_MODULES = ("pip", "setuptools", "wheel", "ensurepip", "hatchling", "pytest", "mypy")
_LEFT = ("/source", "/etc/pip.conf", "/etc/pip/pip.conf")
_PLACES = ("/", "/tmp", "/var/tmp", "/opt/reprise")

status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
packages = distributions(path=[sysconfig.get_path("purelib")])
print(  # noqa: T201  # this is its answer
    json.dumps(
        {
            "ids": [os.getuid(), os.getgid()],
            "programs": [name for name in _BUILDERS if shutil.which(name)],
            "modules": [name for name in _MODULES if find_spec(name)],
            "left": [path for path in _LEFT if Path(path).exists()],
            "writable": [path for path in _PLACES if not os.statvfs(path).f_flag & os.ST_RDONLY],
            "capabilities": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")],
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "packages": {found.name.lower().replace("_", "-"): found.version for found in packages},
        }
    )
)
