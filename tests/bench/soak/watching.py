"""The run: a worker on a Kafka and a Redis of its own, `reprise generate` beside it, and a look every two seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from subprocess import Popen, TimeoutExpired
from typing import Final

import redis

from deploy.local.stack import StackPlan, run_child, tail, wait_until
from reprise.index.redis.codec import margin_ms
from tests.bench.goals import machine
from tests.bench.goals.contenders import is_ready, workers
from tests.bench.goals.run_resources import BenchmarkFailed, Place, await_delivered, await_ready, open_place
from tests.bench.goals.servers import fresh_store, open_servers
from tests.bench.soak.profile import Form
from tests.bench.soak.results import Series, Soak
from tests.e2e.support_e2e import samples
from tests.redis_footprint import Footprint, look, warm_up
from tests.support import WorkerProcess, reprise_command, worker_environment

#: Seconds between two looks, each of which reads every key: some 0.2 s of a core.
_LOOK_SECONDS: Final = 2.0

#: A generator on a busy machine may be so much later than it was asked to be, as a factor.
_LATE: Final = 2.0

#: Seconds besides in which the last events and the last keys must have gone.
_PATIENCE_SECONDS: Final = 30.0


def soak(form: Form, plan: StackPlan, command: str, say: Callable[[str], None]) -> Soak:
    """Run it. Raises StackUnavailable, BenchmarkFailed."""
    date = datetime.now(UTC)
    settings = {
        "WINDOW_SECONDS": str(form.window_seconds),
        "REPLAY_SECONDS": str(form.window_seconds),
        "EXPECTED_ARTICLES": str(form.expected_articles),
    }
    with (
        open_servers(plan) as servers,
        fresh_store(plan) as url,
        redis.Redis.from_url(url) as store,
        open_place(servers) as place,
    ):
        found = machine.look(servers)
        warm_up(url)
        with workers(place, ["worker"], REDIS_URL=url, **settings) as running:
            await_ready(running, is_ready)
            watch = _Watch(store=store, place=place, worker=running["worker"], say=say)
            empty = look(store, place.namespace)
            with _generating(place, form) as generator:
                await_delivered(place, 1, running)  # the windows begin with the first article, not with the process
                began = time.monotonic()
                looks = watch.while_sending(generator, _LATE * form.load_seconds)
            gone_seconds, after = watch.until_gone(form)
            left = look(store, place.namespace)
            sent = place.delivered()
    looks += after
    return Soak(
        command=command,
        date=date.isoformat(timespec="seconds"),
        machine=found,
        form=form,
        sent=sent,
        empty_bytes=empty.used_bytes,
        left_bytes=left.used_bytes,
        gone_seconds=gone_seconds,
        series=Series(
            seconds=[round(each.at - began, 1) for each, _ in looks],
            used_bytes=[each.used_bytes - empty.used_bytes for each, _ in looks],
            keys=[each.keys for each, _ in looks],
            entries=[sum(each.entries.values()) for each, _ in looks],
            index_articles=[articles for _, articles in looks],
        ),
    )


_Looks = list[tuple[Footprint, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """Who is looked at, and who is told."""

    store: redis.Redis
    place: Place
    worker: WorkerProcess
    say: Callable[[str], None]

    def look(self) -> tuple[Footprint, float | None]:
        """Look at Redis, and at what the worker says of it."""
        if self.worker.process.poll() is not None:
            raise BenchmarkFailed(
                f"the worker ended with exit code {self.worker.process.returncode}\n{self.worker.tail()}"
            )
        told = samples(self.worker).samples
        articles = next((value for name, _, value in told if name == "reprise_index_articles"), None)
        return look(self.store, self.place.namespace), articles

    def while_sending(self, generator: "Popen[bytes]", timeout_seconds: float) -> _Looks:
        """Look every two seconds until the generator ends."""
        looks = [self.look()]
        deadline = time.monotonic() + timeout_seconds
        while generator.poll() is None:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the generator was not done within {timeout_seconds:g} s")
            with suppress(TimeoutExpired):
                generator.wait(_LOOK_SECONDS)
            looks.append(self.look())
            if len(looks) % 15 == 0:
                seen, articles = looks[-1]
                self.say(
                    f"{seen.at - looks[0][0].at:5.0f} s  {seen.used_bytes:,} bytes, {seen.keys:,} keys, "
                    f"{articles or 0:,.0f} articles"
                )
        if generator.returncode:
            raise BenchmarkFailed(f"the generator ended with exit code {generator.returncode}")
        return looks

    def until_gone(self, form: Form) -> tuple[float | None, _Looks]:
        """Look on until Redis is empty: when that was, after the last article, and what was seen."""
        began, looks = time.monotonic(), [self.look()]
        lives_ms = form.retention.record_ms + form.retention.replay_ms + margin_ms(form.retention)
        deadline = began + lives_ms / 1000 + _PATIENCE_SECONDS
        while looks[-1][0].keys and time.monotonic() < deadline:
            with suppress(TimeoutError):
                wait_until(lambda: not self.store.dbsize(), _LOOK_SECONDS, "an empty Redis")
            looks.append(self.look())
        return None if looks[-1][0].keys else looks[-1][0].at - began, looks


@contextmanager
def _generating(place: Place, form: Form) -> Iterator["Popen[bytes]"]:
    options = {"topic": place.topics.articles, "rate": form.rate, "duration": form.load_seconds, "words": form.words}
    command = [*reprise_command(), "generate", *(f"--{name}={value}" for name, value in options.items())]
    log = place.servers.plan.logs / f"{place.namespace}-generate.log"
    with run_child(command, log, environment=worker_environment(place.settings())) as process:
        yield process
        if process.returncode:
            raise BenchmarkFailed(tail(log))
