"""Takes living recognitions back, at the wish of the home region's own platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import CallerRegionError, RegionNotServedError
from gateway.services.local_home import LocalHome
from trust.verifier import read_recognition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.credential import Credential
    from gateway.services.ports import Home, RecognitionPlaces
    from trust.keys import FindKey
    from trust.policy import AgreementBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is taken back; exactly one is given.

    `token_id` is the `jti` of one recognition, `recognition` its text; `subject` is the pseudonym of a holder towards
    one visited region, `credential` what the holder of a card shows.
    """

    token_id: str = field(default="", repr=False)
    recognition: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    credential: Credential | None = field(default=None, repr=False)


class RevokeRecognition:
    """The use case.

    Args:
        homes: the home sides by region.
        places: the status lists by home region of this gateway.
        agreements: name the regions towards which a holder has a pseudonym.
        find: looks up the keys of our own regions.
    """

    def __init__(
        self,
        *,
        homes: Mapping[str, Home],
        places: Mapping[str, RecognitionPlaces],
        agreements: AgreementBook,
        find: FindKey,
    ) -> None:
        """Take the parts."""
        self._homes = homes
        self._places = places
        self._agreements = agreements
        self._find = find

    async def __call__(self, target: Target, *, region: str, from_gateway: bool) -> int:
        """Take back what the caller's region has given, and count what lives of it.

        Raises:
            CallerRegionError: a gateway asks, or the recognition is another region's.
            RegionNotServedError: this gateway does not serve the region.
            TrustError: the recognition is not genuine.
            AdapterError: the platform edge, where a credential is to be looked up.
        """
        if from_gateway:
            raise CallerRegionError(region=region)
        home, places = self._homes.get(region), self._places.get(region)
        if not isinstance(home, LocalHome) or places is None:
            raise RegionNotServedError(region=region)
        if target.credential is not None:
            subjects = await home.subjects_of(target.credential, self._visited(region))
            return sum([await places.revoke_subject(subject) for subject in subjects])
        if target.subject:
            return await places.revoke_subject(target.subject)
        return int(await places.revoke(target.token_id or self._token_id(target.recognition, region)))

    def _token_id(self, recognition: str, region: str) -> str:
        """Read the identifier of a recognition that the region has signed, whether or not it has ended."""
        claims, _ = read_recognition(recognition, find=self._find)
        if claims.iss != region:
            raise CallerRegionError(region=region)
        return claims.jti

    def _visited(self, region: str) -> tuple[str, ...]:
        """Name the regions with which a region has, or had, an agreement."""
        joined = (a.regions for a in self._agreements.agreements if region in a.regions)
        return tuple(sorted({other for regions in joined for other in regions} - {region}))
