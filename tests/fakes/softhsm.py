"""SoftHSM2, a hardware module in software: one token for a whole session, because a process loads a module once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
MODULE = next((path for path in MODULES if path.exists()), None)
TOKEN = "region"
PIN = "5678-not-to-be-seen"
CURVES = {"ES256": bytes.fromhex("06082a8648ce3d030107"), "EdDSA": bytes.fromhex("130c656477617264733235353139")}


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Make a token with a key pair for each suite in a module in software; give the path of the module."""
    if MODULE is None or shutil.which("softhsm2-util") is None or find_spec("pkcs11") is None:
        pytest.skip("NOT TESTED: SoftHSM2 (Debian: softhsm2) or python-pkcs11 (extra hsm) is not installed")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    made = ("--init-token", "--free", "--label", TOKEN, "--so-pin", "1234-officer", "--pin", PIN)
    subprocess.run(["softhsm2-util", *made], check=True, capture_output=True, timeout=60)
    for algorithm in CURVES:
        operate("make", algorithm, algorithm)
    yield str(MODULE)
    del os.environ["SOFTHSM2_CONF"]


def operate(*words: str) -> None:
    """Do what an operator does with the module's own tools, in a process of its own.

    `make LABEL ALGORITHM` makes a key pair, `rename LABEL LABEL` gives it another label, `drop LABEL` destroys it.
    """
    subprocess.run([sys.executable, "-P", __file__, str(MODULE), *words], check=True, capture_output=True, timeout=60)


def _operate(module: str, verb: str, label: str, to: str = "") -> None:
    library: Any = __import__("pkcs11")
    with library.lib(module).get_token(token_label=TOKEN).open(user_pin=PIN, rw=True) as session:
        if verb == "make":
            _make(library, session, label, to)
            return
        for found in list(session.get_objects({library.Attribute.LABEL: label})):
            if verb == "drop":
                found.destroy()
            else:
                found[library.Attribute.LABEL] = to


def _make(library: Any, session: Any, label: str, algorithm: str) -> None:  # noqa: ANN401 - objects of the library
    """Let the module make a key pair; its private half never leaves it."""
    edwards = algorithm == "EdDSA"
    kind = library.KeyType.EC_EDWARDS if edwards else library.KeyType.EC
    how = library.Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else library.Mechanism.EC_KEY_PAIR_GEN
    parameters = session.create_domain_parameters(kind, {library.Attribute.EC_PARAMS: CURVES[algorithm]}, local=True)
    parameters.generate_keypair(mechanism=how, store=True, label=label)


if __name__ == "__main__":
    _operate(*sys.argv[1:])
