"""The `openssl` command reads our keys and signatures, and we read its: nothing here is right only among ourselves."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.trust.forge import HOME, NOW, VISITED, header, issue, payload, recognition, text_of
from tests.trust.sm2_cases import SM2_KEY, SM2_RING, private_of
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import KeyMaterialError
from trust.keys import SigningKey
from trust.sm2 import signature_from_der, signature_to_der
from trust.sm2_encoding import read_public_pem, write_private_pem, write_public_pem
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from pathlib import Path

USER_ID = "1234567812345678"


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False, timeout=60)


@cache
def knows_sm2() -> bool:
    """Tell whether the command is there and knows the curve."""
    return shutil.which("openssl") is not None and run("genpkey", "-algorithm", "SM2").returncode == 0


pytestmark = pytest.mark.skipif(not knows_sm2(), reason="NOT TESTED: no openssl command that knows SM2 is here")


def verifies(folder: Path, key: SigningKey, message: bytes, signature: bytes, user_id: str = USER_ID) -> bool:
    """Let the command verify a raw signature in both of its ways, which must agree."""
    paths = [folder / name for name in ("key", "message", "signature")]
    der = signature_to_der(signature)
    assert der is not None
    for path, content in zip(paths, (write_public_pem(private_of(key).public), message, der), strict=True):
        path.write_bytes(content)
    pem, text, proof = map(str, paths)
    one = run(
        *("pkeyutl", "-verify", "-pubin", "-inkey", pem, "-in", text, "-sigfile", proof, "-rawin"),
        *("-digest", "sm3", "-pkeyopt", f"distid:{user_id}"),
    )
    other = run("dgst", "-sm3", "-verify", pem, "-sigopt", f"distid:{user_id}", "-signature", proof, text)
    assert (one.returncode == 0) == (other.returncode == 0)
    return one.returncode == 0


def signed(folder: Path, pem: bytes, message: bytes, user_id: str = USER_ID) -> bytes:
    """Let the command sign; give the raw signature."""
    key, text = folder / "private", folder / "text"
    key.write_bytes(pem)
    text.write_bytes(message)
    done = run(
        *("pkeyutl", "-sign", "-inkey", str(key), "-in", str(text), "-rawin"),
        *("-digest", "sm3", "-pkeyopt", f"distid:{user_id}"),
    )
    assert done.returncode == 0
    return signature_from_der(done.stdout)


def test_the_command_verifies_our_recognition(tmp_path: Path) -> None:
    """A partner needs our published key, the user id and no code of ours."""
    signing_input, _, signature = issue(SM2_KEY).rpartition(".")
    raw = decode_base64url(signature)
    assert raw is not None
    assert verifies(tmp_path, SM2_KEY, signing_input.encode(), raw)
    assert not verifies(tmp_path, SM2_KEY, signing_input.encode() + b".", raw)
    assert not verifies(tmp_path, SM2_KEY, signing_input.encode(), raw, user_id="another")


def test_we_verify_the_commands_recognition(tmp_path: Path) -> None:
    """What the command signs is a recognition like any other."""
    signing_input = ".".join(encode_base64url(text_of(part).encode()) for part in (header(SM2_KEY), payload()))
    raw = signed(tmp_path, SM2_KEY.to_pem(), signing_input.encode())
    token = f"{signing_input}.{encode_base64url(raw)}"
    assert RecognitionVerifier(SM2_RING).verify(token, audience=VISITED, now=NOW).claims == recognition()


def test_another_user_id_is_the_commands_too(tmp_path: Path) -> None:
    """The user id means the same on both sides."""
    key = SigningKey.generate("SGD_SM3_SM2", issuer=HOME, user_id=b"chongqing@example")
    signing_input, _, signature = issue(key).rpartition(".")
    raw = decode_base64url(signature)
    assert raw is not None
    assert verifies(tmp_path, key, signing_input.encode(), raw, user_id="chongqing@example")
    assert not verifies(tmp_path, key, signing_input.encode(), raw)


@pytest.mark.parametrize("algorithm", [("SM2",), ("EC", "-pkeyopt", "ec_paramgen_curve:SM2")])
def test_we_read_the_commands_key_and_write_the_same(algorithm: tuple[str, ...]) -> None:
    """A key made by the command is read, and written byte for byte as the command wrote it."""
    pem = run("genpkey", "-algorithm", *algorithm).stdout
    key = SigningKey.from_pem(pem, issuer=HOME)
    assert key.algorithm == "SGD_SM3_SM2"
    assert key.to_pem() == pem
    public = run("pkey", "-pubout", data=pem).stdout
    assert read_public_pem(public) == private_of(key).public
    assert write_public_pem(private_of(key).public) == public


def test_the_command_reads_our_key() -> None:
    """A key that we made is checked and written back by the command."""
    pem = write_private_pem(private_of(SM2_KEY))
    assert run("pkey", "-check", "-noout", data=pem).returncode == 0
    assert run("pkey", data=pem).stdout == pem


@pytest.mark.parametrize(
    "options",
    [
        ("-param_enc", "explicit"),
        ("-conv_form", "compressed"),
        ("-conv_form", "hybrid"),
        ("-no_public",),
        ("-aes128", "-passout", "pass:a password"),
    ],
    ids="".join,
)
def test_other_forms_of_the_commands_key_are_refused(options: tuple[str, ...]) -> None:
    """Explicit parameters, compressed points, a missing public half and passwords are not read."""
    pem = run("genpkey", "-algorithm", "SM2").stdout
    written = run("ec", *options, data=pem).stdout
    pkcs8 = run("pkcs8", "-topk8", "-nocrypt", data=written).stdout if "-aes128" not in options else written
    assert pkcs8
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(pkcs8, issuer=HOME)
