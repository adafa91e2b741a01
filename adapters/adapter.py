"""The adapter of a region: the same verbs in the same order for every region, whatever its dialect.

A region's `translator.py` may define any of the four translating verbs, to say what its manifest cannot; a verb that
it leaves out is the manifest's own. Each takes the compiled form first, so that it adds to the table and does not
repeat it:

    def identity_to_canonical(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity
    def identity_from_canonical(form: IdentityForm, identity: CardIdentity) -> RegionalIdentity
    def item_to_canonical(form: ItemForm, record: Mapping[str, str]) -> str
    def item_from_canonical(form: ItemForm, item: ApplicationItem) -> dict[str, str]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from adapters.auth import AuthScheme, scheme
from adapters.card_rules import no_rules
from adapters.dialect import ManifestDialect
from adapters.errors import RegionDataError
from adapters.form import IdentityForm
from adapters.item_form import ItemForm
from adapters.platform_side import PlatformSide
from adapters.venues import Venues

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.canonical import ApplicationItem, CardIdentity, RegionalIdentity
    from adapters.card_rules import CardRules
    from adapters.catalog import Catalog
    from adapters.credential import Credential
    from adapters.manifest import Manifest
    from adapters.wire import Draft, HttpReply, HttpRequest, PlatformRecord

VERBS = ("identity_to_canonical", "identity_from_canonical", "item_to_canonical", "item_from_canonical")


class RegionAdapter(Protocol):
    """What the gateway asks of every region."""

    region: str
    manifest: Manifest

    @property
    def catalog(self) -> Catalog:
        """The region's items as they are known now."""

    def identity_to_canonical(self, record: Mapping[str, str], *, strict: bool = True) -> CardIdentity:
        """Read an identity as the region writes it (MalformedFieldError, MalformedNumberError, MissingFieldError)."""

    def identity_from_canonical(self, identity: CardIdentity) -> RegionalIdentity:
        """Write an identity as the region writes it, with all that its form cannot hold."""

    def item_to_canonical(self, record: Mapping[str, str]) -> ApplicationItem:
        """Find the item that a record of the region names (MalformedFieldError, UnknownItemError)."""

    def item_from_canonical(self, item: ApplicationItem) -> dict[str, str]:
        """Write an item, of whichever region, by this region's field names."""

    def draft(self, credential: Credential) -> Draft:
        """Name what to ask the platform for a credential (UnsupportedCredentialError)."""

    def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
        """Write the platform's request."""

    def decode(self, reply: HttpReply, *, now: float) -> PlatformRecord:
        """Read the platform's reply."""

    def parse_text(self, text: str) -> dict[str, str]:
        """Read a record from the text that the region's platform would send (UndecodableTextError)."""

    def write_text(self, fields: Mapping[str, str]) -> str:
        """Write a record as the text that the region's platform would send."""


class ManifestAdapter:
    """A region as its folder describes it: manifest, catalog, rules, venues, and what its translator adds."""

    def __init__(
        self,
        manifest: Manifest,
        catalog: Catalog,
        translator: object | None = None,
        *,
        rules: CardRules | None = None,
        venues: Venues | None = None,
    ) -> None:
        """Compile the forms and pick up the translator's verbs (RegionDataError for a wrong auth scheme)."""
        self.region = manifest.region
        self.manifest = manifest
        self._catalog: Callable[[], Catalog] = lambda: catalog
        self.rules = rules or no_rules(manifest.region)
        self.venues = venues or Venues(manifest.region)
        self.form = IdentityForm(manifest)
        self.item_form = ItemForm(manifest)
        self.auth = _auth(manifest)
        self.platform_side = PlatformSide(manifest, self.form)
        dialect = ManifestDialect(manifest, self.form)
        self.draft = dialect.draft
        self.encode = dialect.encode
        self.decode = dialect.decode
        self.parse_text = dialect.parse_text
        self.write_text = dialect.write_text
        self._read_identity: Callable[..., CardIdentity] = _verb(translator, VERBS[0], IdentityForm.read)
        self._write_identity: Callable[..., RegionalIdentity] = _verb(translator, VERBS[1], IdentityForm.write)
        self._read_item: Callable[..., str] = _verb(translator, VERBS[2], ItemForm.read)
        self._write_item: Callable[..., dict[str, str]] = _verb(translator, VERBS[3], ItemForm.write)

    @property
    def catalog(self) -> Catalog:
        """The region's items as they are known now: those of its folder, unless something newer is followed."""
        return self._catalog()

    def follow(self, catalog: Callable[[], Catalog]) -> None:
        """Take the items from somewhere else from now on, asked anew each time."""
        self._catalog = catalog

    def identity_to_canonical(self, record: Mapping[str, str], *, strict: bool = True) -> CardIdentity:
        """Read an identity as the region writes it; see RegionAdapter."""
        return self._read_identity(self.form, record, strict=strict)

    def identity_from_canonical(self, identity: CardIdentity) -> RegionalIdentity:
        """Write an identity as the region writes it; see RegionAdapter."""
        return self._write_identity(self.form, identity)

    def item_to_canonical(self, record: Mapping[str, str]) -> ApplicationItem:
        """Find the item that a record names; see RegionAdapter."""
        return self.catalog.get(self._read_item(self.item_form, record))

    def item_from_canonical(self, item: ApplicationItem) -> dict[str, str]:
        """Write an item by this region's field names; see RegionAdapter."""
        return self._write_item(self.item_form, item)


def _auth(manifest: Manifest) -> AuthScheme:
    """Make the authentication scheme; its complaint gets the region's name (RegionDataError)."""
    try:
        return scheme(manifest.platform.auth.scheme, manifest.platform.auth.option)
    except RegionDataError as error:
        raise RegionDataError(region=manifest.region, file="manifest.toml", **error.metadata) from None


def _verb(translator: object | None, name: str, otherwise: Any) -> Any:  # noqa: ANN401 - a module's attribute has no type to check
    """Take the translator's own verb where it has one."""
    return getattr(translator, name, otherwise)
