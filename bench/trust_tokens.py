"""What it costs to verify a token: `python -m bench.trust_tokens`, which reads a plan and prints one JSON object.

It stands where a gateway stands: same configuration, same callers, same desk of trust, fed by the anchors and peers
that run. Nothing is sent over a wire, so a figure is the verification and nothing else. Times are CPU of one thread.
Ours and the bare verification of the very same bytes take turns, a small lot each; the bare one is given a signature
that is in DER already and a key that is loaded. Each new token is seen once. The plan: `config`, `folder` (of the
sandbox), `home`, `visited`, `state` (an empty folder).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bench.trust_forged import CALLER_KINDS, SHOWN, claims_of, forged_tokens
from gateway.bootstrap import spare_collecting
from gateway.bootstrap_calls import callers
from gateway.bootstrap_trust import build_trust
from gateway.callers import SCOPES
from gateway.certificates import Certificate, fingerprint
from gateway.journal import JsonJournal
from gateway.sandbox.layout import Layout, Site, caller_id
from gateway.settings import load_settings
from trust.encoding import decode_base64url
from trust.errors import TrustError
from trust.keys import KeyRing, SigningKey
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.sm2_choice import SUITE as SM2
from trust.sm2_gmssl import load_gmssl
from trust.sm2_openssl import load_openssl
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.callers import Callers
    from gateway.settings import Settings
    from gateway.trust_side import TrustSide
    from trust.sm2 import Sm2Provider

LOTS, LOT = 12, 80
_KNOWN = 4000
_SHOWN = frozenset((SHOWN,))
_TRIED_SECONDS = 20.0


class Tokens:
    """Makes good tokens of the sandbox, with the keys that lie in its folder."""

    def __init__(self, layout: Layout, *, home: str, visited: str) -> None:
        """Take the sandbox, the region that recognises, and the one that is shown it."""
        self._layout = layout
        self._sites: dict[str, Site] = {site.region: site for site in layout.sites}
        self._home, self._visited = home, visited
        self.platform = self._key(layout.caller_key(visited), caller_id(visited))
        self.gateway = self._key(layout.home(home) / "gateway.pem", self._sites[home].gateway)
        self.region = self._key(layout.home(home) / "region.pem", home)

    @staticmethod
    def _key(path: Path, issuer: str) -> SigningKey:
        return SigningKey.from_pem(path.read_bytes(), issuer=issuer)

    def certificate(self) -> Certificate:
        """Give the certificate over which the home's gateway calls."""
        site = self._sites[self._home]
        pem = (self._layout.home(self._home) / "tls.pem").read_bytes()
        return Certificate(fingerprint(pem), frozenset((site.server_name,)), int(time.time()) + 86_400)

    def callers(self, key: SigningKey, count: int, scopes: Sequence[str]) -> list[str]:
        """Sign tokens of a caller for the visited region's gateway."""
        signer = CallerTokenSigner(key, new_id=lambda: secrets.token_hex(16))
        audience = self._sites[self._visited].gateway
        return [signer.issue(audience=audience, now=int(time.time()), scopes=scopes) for _ in range(count)]

    def recognitions(self, key: SigningKey, count: int) -> list[str]:
        """Sign recognitions of the home region for the visited one."""
        signer, now = RecognitionSigner(key), int(time.time())
        return [signer.issue(claims_of(self._home, self._visited, now=now)) for _ in range(count)]


def _lots(tokens: list[str]) -> Iterator[list[str]]:
    return (tokens[n : n + LOT] for n in range(0, len(tokens), LOT))


def _micros(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Give CPU microseconds for one item."""
    begun = time.thread_time_ns()
    for item in items:
        work(item)
    return (time.thread_time_ns() - begun) / 1000 / len(items)


def _raw(token: str) -> tuple[bytes, bytes]:
    """Give signed bytes and signature, r and s, of a token."""
    text, _, last = token.rpartition(".")
    signature = decode_base64url(last)
    assert signature is not None
    return text.encode("ascii"), signature


def _bare(token: str) -> tuple[bytes, bytes]:
    """Give signature, in DER, and signed bytes of a token of ES256."""
    text, raw = _raw(token)
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), text


def _verify_raw(provider: Sm2Provider, public: Any, one: tuple[bytes, bytes]) -> bool:  # noqa: ANN401 - a key of SM2
    return provider.verify(public, *one)


def _beside_bare(verify: Callable[[str], object], tokens: list[str], key: SigningKey) -> dict[str, float]:
    """Verify each token once by ours and once bare, lot by lot; gives CPU microseconds for one of each."""
    public, rule = key.public().public_key, ECDSA(SHA256())
    assert isinstance(public, EllipticCurvePublicKey)
    check = public.verify
    ours, bare = [], []
    for lot in _lots(tokens):
        ours.append(_micros(verify, lot))
        bare.append(_micros(lambda one: check(one[0], one[1], rule), [_bare(token) for token in lot]))
    return {"ours": sum(ours) / len(ours), "bare": sum(bare) / len(bare)}


def _refused(verify: Callable[[str], object]) -> Callable[[str], None]:
    """Make a verification of what must be refused (AssertionError where it is not)."""

    def refuse(token: str) -> None:
        try:
            verify(token)
        except TrustError:
            return
        raise AssertionError("a forged token was believed")

    return refuse


def _of_callers(known: Callers, tokens: Tokens) -> dict[str, object]:
    """Measure tokens of callers: known ones, new ones, forged ones."""
    certificate, count = tokens.certificate(), LOTS * LOT
    fresh = tokens.callers(tokens.platform, count, sorted(SCOPES))
    mutual = tokens.callers(tokens.gateway, 1, ["card.verify"])[0]
    found: dict[str, object] = {"new_caller": _beside_bare(known.authenticate, fresh, tokens.platform)}
    known.authenticate(mutual, certificate)
    found["known_platform"] = _micros(known.authenticate, [fresh[-1]] * _KNOWN)
    found["known_gateway"] = _micros(lambda token: known.authenticate(token, certificate), [mutual] * _KNOWN)
    refuse = _refused(known.authenticate)
    for kind in CALLER_KINDS:
        false = forged_tokens(kind, fresh[0], tokens.platform, LOT)
        found[f"forged: {kind}"] = _micros(refuse, false * 3)
    return found


def _of_sm2(tokens: Tokens, home: str, visited: str) -> dict[str, object]:
    """Measure SM2: bare verifications by each library that is here, and whole recognitions by the one chosen."""
    key = SigningKey.generate(SM2, issuer=home)
    signed = tokens.recognitions(key, LOTS * LOT // 2)
    public: Any = key.public().public_key
    providers: dict[str, Sm2Provider | None] = {"openssl": load_openssl(), "gmssl": load_gmssl()}
    found: dict[str, object] = {}
    raw = [_raw(token) for token in signed]
    for name, provider in providers.items():
        if provider is not None:
            work = partial(_verify_raw, provider, public)
            assert all(map(work, raw[:3]))
            found[f"sm2_{name}"] = _micros(work, raw)
    verify = RecognitionVerifier(KeyRing([key.public()]))
    now = int(time.time())
    found["sm2_recognition"] = _micros(
        lambda token: verify.verify(token, audience=visited, now=now, certificates=_SHOWN), signed
    )
    return found


async def _believed(settings: Settings) -> TrustSide:
    """Build the desk that a gateway of this configuration has, and wait until it has been fed."""
    trust = build_trust(settings, journal=JsonJournal(gateway=settings.gateway))
    await trust.desk.start()
    async with asyncio.timeout(_TRIED_SECONDS):
        await trust.desk.first_round.wait()
    return trust


async def measure(plan: dict[str, str]) -> dict[str, object]:
    """Measure all of it once."""
    settings = load_settings(Path(plan["config"]))
    state = Path(plan["state"])
    with suppress(FileNotFoundError):
        shutil.copytree(settings.trust.state, state, dirs_exist_ok=True)
    settings = settings.model_copy(update={"trust": settings.trust.model_copy(update={"state": state})})
    tokens = Tokens(Layout.load(Path(plan["folder"])), home=plan["home"], visited=plan["visited"])
    trust = await _believed(settings)
    spare_collecting()  # as a gateway does
    try:
        found = _of_callers(callers(settings, trust), tokens)
        reader, now = RecognitionVerifier(trust.region_key), int(time.time())
        found["new_recognition"] = _beside_bare(
            lambda token: reader.verify(token, audience=plan["visited"], now=now, certificates=_SHOWN),
            tokens.recognitions(tokens.region, LOTS * LOT),
            tokens.region,
        )
    finally:
        await trust.close()
    return {**found, **_of_sm2(tokens, plan["home"], plan["visited"])}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.loads(sys.stdin.read())))), flush=True)
