"""Describe the machine and the software versions of a run."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from reprise.dedup.text.backend import TEXT_BACKEND
from tests.bench.goals.results import Machine
from tests.bench.goals.servers import BenchmarkServers

#: packages whose versions affect the results
_PACKAGES: Final = ("kafka-python", "redis", "datasketch", "numpy", "orjson", "reprise")


def describe_machine(servers: BenchmarkServers) -> Machine:
    """Return the description. Call this before the first measurement, so that the load is that of other processes."""
    return Machine(
        processor=_read_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        load_before=os.getloadavg()[0],
        kafka=f"{servers.kafka.product} ({servers.kafka.kind})",
        redis=f"{servers.redis.product} ({servers.redis.kind})",
        versions={"Python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES}
        | {"text step": TEXT_BACKEND.value},
    )


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or "unknown processor"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")
