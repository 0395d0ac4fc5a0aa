"""What a run ran on, and with what."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from tests.bench.goals.results import Machine
from tests.bench.goals.servers import Servers

#: Packages whose versions bear on the figures.
_PACKAGES: Final = ("kafka-python", "redis", "datasketch", "numpy", "orjson", "reprise")


def look(servers: Servers) -> Machine:
    """Look at the machine; to be called before it is busy with us."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        load_before=os.getloadavg()[0],
        kafka=f"{servers.kafka.product} ({servers.kafka.kind})",
        redis=f"{servers.redis.product} ({servers.redis.kind})",
        versions={"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return platform.processor() or "unknown processor"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")
