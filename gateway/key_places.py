"""Opens the keys that a configuration names, wherever they lie: in a file, or in a hardware module.

In a module the shelf of a key (`gateway.key_shelf`) is three labels: KEY signs, KEY.next is published and signs nothing
yet, KEY.former is published still. The module's own tools make and rename them; a running gateway looks now and then.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from gateway.errors import SettingsError
from gateway.hsm import HardwareKey, HardwareSigner, HardwareToken
from gateway.key_shelf import KeyShelf
from trust.keys import SigningKey, thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.hsm_address import HardwareAddress
    from gateway.key_shelf import Key, Shelf
    from trust.keys import VerificationKey

LOOK_SECONDS: Final = 5.0
_LONGEST_PIN: Final = 256
_SUFFIXES: Final = ("", ".next", ".former")


class HardwareShelf:
    """The keys of one issuer in a hardware module.

    Args:
        where: names the key that signs.
        issuer: whose keys they are.
        token: the session for it.
        clock: one that never goes back, in seconds.
        look_seconds: how often the module is asked, at most.

    Raises:
        SettingsError: the module, its token or the key cannot be used.
    """

    def __init__(
        self,
        where: HardwareKey,
        *,
        issuer: str,
        token: HardwareToken,
        clock: Callable[[], float],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Find the keys."""
        self._where = where
        self.issuer = issuer
        self._token = token
        self._clock = clock
        self._look_seconds = look_seconds
        self._signers: dict[str, HardwareSigner] = {"": HardwareSigner(where, issuer=issuer, token=token)}
        self._looked = float("-inf")
        self.keys: tuple[Key, ...] = ()
        self.look()

    def look(self) -> bool:
        """Look for the keys again where that was long ago; tells whether others are there than were.

        Raises:
            KeyMaterialError: the module cannot be asked; the keys stay what they were.
            SettingsError: what is there is no key that signs.
        """
        now = self._clock()
        if now - self._looked < self._look_seconds:
            return False
        self._looked = now
        found = {suffix: signer for suffix in _SUFFIXES if (signer := self._find(suffix)) is not None}
        keys: tuple[Key, ...] = tuple({signer.kid: signer for signer in found.values()}.values())
        changed, self._signers, self.keys = keys != self.keys, found, keys
        return changed

    def _find(self, suffix: str) -> HardwareSigner | None:
        """Give the signer of a label, the known one where its key is the same."""
        label = f"{self._where.key}{suffix}"
        public = self._token.find(label)
        if public is None and suffix:
            return None
        known = self._signers.get(suffix)
        if known is not None and public is not None and known.kid == thumbprint(public):
            return known
        key = HardwareKey(module=self._where.module, token=self._where.token, key=label, pin=self._where.pin)
        return HardwareSigner(key, issuer=self.issuer, token=self._token)

    @property
    def signing(self) -> Key:
        """The key that signs."""
        return self.keys[0]

    @property
    def published(self) -> tuple[VerificationKey, ...]:
        """The public halves of all, the one that signs first."""
        return tuple(key.public() for key in self.keys)


class KeyPlaces:
    """Opens keys; those in one token of a module share a session.

    Args:
        clock: one that never goes back, in seconds.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Open nothing yet."""
        self._clock = clock
        self._tokens: dict[tuple[Path, str], HardwareToken] = {}

    def shelf(self, place: Path | HardwareAddress, *, issuer: str) -> Shelf:
        """Open a shelf (TrustError, OSError, SettingsError)."""
        if isinstance(place, Path):
            return KeyShelf(place, issuer=issuer)
        where = _where(place)
        return HardwareShelf(where, issuer=issuer, token=self._token(place, where), clock=self._clock)

    def key(self, place: Path | HardwareAddress, *, issuer: str) -> Key:
        """Open the key that signs (TrustError, OSError, SettingsError)."""
        if isinstance(place, Path):
            return SigningKey.from_pem(place.read_bytes(), issuer=issuer)
        where = _where(place)
        return HardwareSigner(where, issuer=issuer, token=self._token(place, where))

    def close(self) -> None:
        """Log out of all modules; what signs with a key that lies there logs in again."""
        for token in self._tokens.values():
            token.drop()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Log out."""
        self.close()

    def _token(self, place: HardwareAddress, where: HardwareKey) -> HardwareToken:
        known = place.module, place.token
        if known not in self._tokens:
            self._tokens[known] = HardwareToken(where)
        return self._tokens[known]


def _where(place: HardwareAddress) -> HardwareKey:
    """Read the PIN (SettingsError where there is none)."""
    try:
        pin = place.pin_file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"{place.pin_file.name}: cannot be read ({type(error).__name__})",)) from error
    if not 0 < len(pin) <= _LONGEST_PIN:
        raise SettingsError((f"{place.pin_file.name}: holds no PIN",))
    return HardwareKey(module=str(place.module), token=place.token, key=place.key, pin=pin)
