"""`reprise evaluate` as a process, with the embedded server or a given Redis."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import pytest
from redis import Redis

import reprise as package
from tests.support import worker_environment

pytestmark = pytest.mark.redis

SAMPLE = Path(package.__file__).parent / "sample" / "crawl.jsonl"


def reprise(
    tmp_path: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    run = subprocess.run(
        [sys.executable, "-m", "reprise.cli", *arguments],
        env=worker_environment({**(settings or {}), "TMPDIR": str(temporary)}),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert list(temporary.iterdir()) == []
    return run


def evaluate(tmp_path: Path, *arguments: str) -> dict[str, object]:
    run = reprise(tmp_path, "evaluate", *arguments, "--json")
    assert run.returncode == 0, run.stderr.decode()
    report: dict[str, object] = json.loads(run.stdout)
    return report


def test_the_sample_is_scored_in_every_order(tmp_path: Path) -> None:
    """The report on two orders has the scores of the worker and of datasketch; each step prints a line at its end."""
    run = reprise(tmp_path, "evaluate", str(SAMPLE), "--orders", "2")
    assert run.returncode == 0, run.stderr.decode()
    report = run.stdout.decode()
    assert "2 random orders" in report
    assert all(text in report for text in ("B-cubed F1", "pairwise precision", "spread", "datasketch"))
    # A step that takes long prints more than one line.
    steps = dict.fromkeys(line.split(":")[1].strip() for line in run.stderr.decode().splitlines())
    assert list(steps) == [
        "reading",
        "comparing texts",
        "reprise, order of the file",
        "reprise, order 1 of 2",
        "reprise, order 2 of 2",
        "datasketch 0.5",
        "datasketch 0.8",
    ]


def test_the_scores_equal_those_of_a_replay(spotsigs_dev: Path, shared_dir: Path, tmp_path: Path) -> None:
    """In the order of the file, the scores are those of the reference script on the events of `reprise replay`."""
    with gzip.open(spotsigs_dev, "rb") as whole:
        pages = list(islice(whole, 0, None, 8))
    (tmp_path / "gold.jsonl").write_bytes(b"".join(pages))
    replay = reprise(tmp_path, "replay", str(tmp_path / "gold.jsonl"), "--output", str(tmp_path / "events.jsonl"))
    assert replay.returncode == 0, replay.stderr.decode()
    files = [str(tmp_path / name) for name in ("gold.jsonl", "events.jsonl")]
    script = [sys.executable, str(shared_dir / "eval" / "score.py"), *files, "--pred-id", "article.id"]
    expected = json.loads(subprocess.run(script, capture_output=True, check=True, timeout=60).stdout)
    report = evaluate(tmp_path, str(tmp_path / "gold.jsonl"), "--orders", "1")
    assert report["seeds"] == [None]
    assert (report["articles"], report["gold_stories"]) == (expected.pop("articles"), expected.pop("gold_stories"))
    (worker,) = report["systems"]["reprise"]["orders"]  # type: ignore[index]
    assert worker == pytest.approx(expected, abs=1e-4)


def test_the_figures_without_labels_are_those_of_the_reference_script(shared_dir: Path, tmp_path: Path) -> None:
    """Recall by containment, copied joins and copied pairs are those that the script finds in the replayed events."""
    with gzip.open(shared_dir / "eval" / "bsnlp-dev.jsonl.gz", "rb") as whole:
        (tmp_path / "set.jsonl").write_bytes(b"".join(islice(whole, 800)))
    path = str(tmp_path / "set.jsonl")
    replay = reprise(tmp_path, "replay", path, "--output", str(tmp_path / "events.jsonl"))
    assert replay.returncode == 0, replay.stderr.decode()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    rows = [
        {"id": event["article"]["id"], "story": event["story_id"], "match": event.get("matched_article_id")}
        for event in events
        if event["type"] != "story.merged"
    ]
    (tmp_path / "predicted.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    scripts, truth = shared_dir / "eval", str(tmp_path / "truth.npz")
    for command in (("truth.py", path, truth), ("judge.py", path, truth, str(tmp_path / "predicted.jsonl"))):
        script = [sys.executable, str(scripts / command[0]), *command[1:]]
        judged = subprocess.run(script, capture_output=True, check=True, timeout=120, text=True).stdout
    expected = {
        (float(low), within == "s"): (float(recall), int(pairs))
        for low, within, recall, pairs in re.findall(r"(0\.[2-9])([xs]) ([\d.]+)\((\d+)\)", judged)
    }
    copied = [
        float(share)
        for share in re.findall(r"copied \d+ \(([\d.]+)\)|'copied': ([\d.]+)", judged)
        for share in share
        if share
    ]
    report = evaluate(tmp_path, "--unlabelled", path)
    own = report["file_order"]
    found = {(each["lowest"], each["same_source"]): each for each in own["recall"] if each["pairs"]}  # type: ignore[index]
    assert found.keys() == expected.keys()
    for key, (recall, pairs) in expected.items():
        assert found[key]["pairs"] == pytest.approx(pairs, abs=1)  # the scripts split words at accents of stress
        assert found[key]["recall"] == pytest.approx(recall, abs=0.0006 + 1 / pairs)
    assert [own["joins"]["precision"], own["story_pairs"]["precision"]] == pytest.approx(copied, abs=0.002)  # type: ignore[index]
    assert len(own["largest_stories"][0]["weakest_joins"]) == 3  # type: ignore[index]


def test_an_unlabelled_file_needs_no_story(tmp_path: Path) -> None:
    """The report for a terminal has the shares and the largest stories; random orders are added on request."""
    run = reprise(tmp_path, "evaluate", "--unlabelled", str(SAMPLE), "--orders", "2", "--worst", "1", "--examples", "1")
    assert run.returncode == 0, run.stderr.decode()
    report = " ".join(run.stdout.decode().split())
    assert "in the order of the file and in 2 random orders" in report
    assert re.search(r"pairs in stories with copied text (0\.9\d+|1\.000)( [01]\.\d{3}){2}", report)
    assert report.count(" joined ") == 1


def test_a_given_redis_is_left_unchanged(tmp_path: Path, redis_url: str) -> None:
    """The keys of every order are deleted, and no other key is; --source applies to articles without one."""
    client = Redis.from_url(redis_url)
    before = set(client.scan_iter(match="{*}:*"))
    report = evaluate(tmp_path, str(SAMPLE), "--orders", "1", "--redis-url", redis_url, "--source", "one.example")
    assert set(client.scan_iter(match="{*}:*")) <= before
    assert report["articles"] == len(SAMPLE.read_bytes().splitlines())
    client.close()


def test_namespaces_follow_the_settings(tmp_path: Path, redis_url: str) -> None:
    """With a namespace for each language, one text in two languages is two stories; all keys are deleted."""
    text = (
        "The river commission closed the lower locks at Aldermere on Friday after the water had risen by four metres."
    )
    lines = [
        {"id": f"{lang}-{source}", "text": text, "lang": lang, "source": f"{lang}.{source}", "story": lang}
        for lang in ("en", "fr")
        for source in ("one.example", "two.example")
    ]
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    by_lang = {"REPRISE_NAMESPACE_BY": "lang", "REPRISE_NAMESPACE_VALUES": "en,fr"}
    with Redis.from_url(redis_url) as client:
        before = set(client.scan_iter(match="{*}:*"))
        precision = {}
        for name, settings in (("apart", by_lang), ("together", {})):
            command = ("evaluate", str(gold), "--orders", "1", "--redis-url", redis_url, "--json")
            run = reprise(tmp_path, *command, settings=settings)
            assert run.returncode == 0, run.stderr.decode()
            (worker,) = json.loads(run.stdout)["systems"]["reprise"]["orders"]
            precision[name] = worker["b3_p"]
        assert set(client.scan_iter(match="{*}:*")) <= before
    assert precision == {"apart": 1.0, "together": 0.5}


def test_without_datasketch_only_the_worker_is_scored(tmp_path: Path) -> None:
    """If datasketch is missing, one line on standard error says how to install it."""
    code = "import sys; sys.modules['datasketch'] = None; from reprise.cli import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", code, "evaluate", str(SAMPLE), "--orders", "1", "--json"],
        env=worker_environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout)["systems"].keys() == {"reprise"}
    assert run.stderr.decode().count("pip install 'reprise[evaluate]'") == 1


@pytest.mark.parametrize(
    ("content", "arguments", "code", "error"),
    [
        (None, [], 2, "no such.jsonl"),
        ('{"id": "1", "text": "x"}\n', [], 2, "there is nothing to score"),
        ('{"id": "1", "text": "x", "story": {}}\n', [], 2, ":1: story must be a string, an integer or null"),
        ("{}\n", ["--unlabelled"], 2, "gold.jsonl: no line is a valid article: there is nothing to score"),
        ("{}\n", ["--orders", "0"], 2, "Invalid value for '--orders'"),
        ('{"id": "1", "text": "x", "story": "a"}\n', ["--redis-url", "redis://localhost:1"], 1, "reprise: "),
    ],
)
def test_an_error_is_reported_in_one_line(
    tmp_path: Path, content: str | None, arguments: Sequence[str], code: int, error: str
) -> None:
    """Wrong usage exits with 2, any other error with 1, without a traceback or a report."""
    name = tmp_path / ("gold.jsonl" if content is not None else "no such.jsonl")
    if content is not None:
        name.write_text(content)
    run = reprise(tmp_path, "evaluate", str(name), *arguments)
    assert run.returncode == code
    assert error in run.stderr.decode()
    assert "Traceback" not in run.stderr.decode()
    assert run.stdout == b""
