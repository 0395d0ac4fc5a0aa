"""Kafka lets the worker in by every way that the settings name, and whoever is turned away is told why in a line."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.support_e2e import Place, Raw, article, open_place, wait_delivered
from tests.security.conftest import PASSWORD
from tests.security.secured_kafka import PLAIN_USER, SecuredKafka, add_users, grant
from tests.security.support_security import Turned, all_turned_away, kafka_rights
from tests.support import running_worker

pytestmark = pytest.mark.stack

WRONG = "qu1te-wrong"


def test_every_way_in_leads_to_an_event(kafka: SecuredKafka, redis_url: str, tmp_path: Path) -> None:
    """SCRAM of both kinds, PLAIN and a certificate: each worker, with its rights and no others, tells a story."""
    worker = kafka.certificates.worker
    ways = {
        "scram-256": kafka.settings("SECURE") | kafka.login("SCRAM-SHA-256", "scram-256"),
        "scram-512": kafka.settings("SECURE") | kafka.login("SCRAM-SHA-512", "scram-512"),
        PLAIN_USER: kafka.settings("SECURE") | kafka.login("PLAIN", PLAIN_USER),
        # the name that the worker's certificate carries
        "worker": kafka.settings("MUTUAL", SSL_CERTFILE=str(worker.certificate), SSL_KEYFILE=str(worker.key)),
    }
    with ExitStack() as open_things:
        running = []
        for user, way in ways.items():
            place = open_things.enter_context(open_place(kafka.plain, redis_url))
            place.create_topics()
            add_users(place.admin, [user], PASSWORD)
            grant(place.admin, user, kafka_rights(place.topics))
            place.send([Raw(value=article(id="1", text=f"The harbour at {user} was closed on Monday after a storm."))])
            settings = place.settings() | way
            running.append((place, open_things.enter_context(running_worker(settings, tmp_path / user))))
        for place, process in running:
            wait_delivered(place, process)
            assert [event.body["type"] for event in place.events()] == ["story.new"]


@pytest.fixture(scope="module")
def turned(kafka: SecuredKafka, redis_url: str) -> dict[str, Turned]:
    """Send all those away at once: most of their time passes in waiting."""
    certificates = kafka.certificates
    with open_place(kafka.plain, redis_url) as place:
        add_users(place.admin, ["known"], PASSWORD)
        secure, login = kafka.settings("SECURE"), kafka.login("SCRAM-SHA-512", "known")
        cases = {
            "wrong password, PLAIN": secure | kafka.login("PLAIN", PLAIN_USER, WRONG),
            "wrong password, SCRAM-SHA-256": secure | kafka.login("SCRAM-SHA-256", "known", WRONG),
            "wrong password, SCRAM-SHA-512": secure | kafka.login("SCRAM-SHA-512", "known", WRONG),
            "unknown user": secure | kafka.login("SCRAM-SHA-512", "unknown"),
            "no such mechanism": kafka.settings("NARROW") | login,
            "wrong authority": kafka.settings("SECURE", SSL_CAFILE=str(certificates.stranger)) | login,
            "expired": kafka.settings("EXPIRED"),
            "wrong host name": kafka.settings("ELSEWHERE"),
            "no certificate": kafka.settings("MUTUAL"),
            "key of another": kafka.settings(
                "MUTUAL",
                SSL_CERTFILE=str(certificates.worker.certificate),
                SSL_KEYFILE=str(certificates.server.key),
            ),
        }
        return all_turned_away({name: _of(place) | settings for name, settings in cases.items()})


def _of(place: Place) -> dict[str, str]:
    return place.settings(STARTUP_TIMEOUT_SECONDS="30")


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("wrong password, PLAIN", "SaslAuthenticationFailedError"),
        ("wrong password, SCRAM-SHA-256", "SaslAuthenticationFailedError"),
        ("wrong password, SCRAM-SHA-512", "SaslAuthenticationFailedError"),
        ("unknown user", "SaslAuthenticationFailedError"),
        ("no such mechanism", "(SASL_SSL, SCRAM-SHA-512): [Error 33] UnsupportedSaslMechanismError"),
        ("wrong authority", "certificate verify failed: unable to get local issuer certificate"),
        ("expired", "certificate verify failed: certificate has expired"),
        ("wrong host name", "certificate verify failed: Hostname mismatch"),
        ("no certificate", "alert bad certificate"),
        ("key of another", "key values mismatch"),
    ],
)
def test_whoever_is_turned_away_is_told_why(turned: dict[str, Turned], case: str, why: str) -> None:
    """Exit code 1 and one line with the reason and the address: no wait, no traceback, no password."""
    found = turned[case]
    assert (found.code, len(found.told)) == (1, 1), found.wrote
    assert why in found.told[0]
    assert "connecting to localhost:" in found.told[0]
    assert "not within" not in found.told[0]
    assert "Traceback" not in found.wrote
    assert PASSWORD not in found.wrote
    assert WRONG not in found.wrote
