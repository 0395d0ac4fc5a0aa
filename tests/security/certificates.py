"""Authorities and certificates made for one test run, as PEM files that Kafka, Redis and the clients read alike."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from trustme import CA, LeafCert


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate with its chain, its key, and both in one file, which is how Kafka's brokers want it."""

    certificate: Path
    key: Path
    both: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What the servers show and the clients trust. `stranger` is an authority that signed nothing here."""

    authority: Path
    stranger: Path
    server: Pair
    expired: Pair
    elsewhere: Pair
    worker: Pair


def make_certificates(folder: Path) -> Certificates:
    """Write them all."""
    authority, stranger = CA(), CA()
    paths = {"authority": folder / "authority.pem", "stranger": folder / "stranger.pem"}
    authority.cert_pem.write_to_path(str(paths["authority"]))
    stranger.cert_pem.write_to_path(str(paths["stranger"]))
    past = datetime.now(UTC) - timedelta(days=1)
    return Certificates(
        **paths,
        server=_write(folder, "server", authority.issue_cert("localhost", "127.0.0.1")),
        expired=_write(
            folder, "expired", authority.issue_cert("localhost", not_before=past - timedelta(days=1), not_after=past)
        ),
        elsewhere=_write(folder, "elsewhere", authority.issue_cert("elsewhere.example")),
        worker=_write(folder, "worker", authority.issue_cert("worker.example", common_name="worker")),
    )


def _write(folder: Path, name: str, leaf: LeafCert) -> Pair:
    # Kafka reads PKCS#8 alone
    key = load_pem_private_key(leaf.private_key_pem.bytes(), password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    pair = Pair(certificate=folder / f"{name}.crt", key=folder / f"{name}.key", both=folder / f"{name}.pem")
    pair.certificate.write_bytes(chain)
    pair.key.write_bytes(key)
    pair.both.write_bytes(key + chain)
    return pair
