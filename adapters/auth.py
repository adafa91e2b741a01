"""Authentication schemes by name, as a manifest's `[platform.auth]` table asks for them.

    >>> scheme("api_key", {"header": "X-Platform-Key"})
    ApiKey(header='X-Platform-Key')

Adding a scheme is a class with the verbs of `AuthScheme` and a line in the table.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

from adapters.auth_passwords import ApiKey, BasicCredentials, BodyCredentials
from adapters.auth_scheme import AuthScheme, Login, PlainScheme
from adapters.auth_signatures import HmacHeaders, SignedFields, TifHeaders
from adapters.auth_tokens import LoginToken, OAuth2ClientCredentials
from adapters.errors import RegionDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEME_NAMES", "AuthScheme", "Login", "scheme"]

_CLASSES: dict[str, type[PlainScheme]] = {
    "api_key": ApiKey,
    "basic": BasicCredentials,
    "body_credentials": BodyCredentials,
    "hmac_headers": HmacHeaders,
    "login_token": LoginToken,
    "oauth2_client_credentials": OAuth2ClientCredentials,
    "signed_fields": SignedFields,
    "tif_headers": TifHeaders,
}
SCHEME_NAMES = frozenset(_CLASSES)


def scheme(name: str, options: Mapping[str, str]) -> AuthScheme:
    """Build a scheme from its name and options.

    Raises:
        RegionDataError: rule is unknown_scheme, unknown_option, missing_option or option_text; column names the option.
    """
    found = _CLASSES.get(name)
    if found is None:
        raise RegionDataError(rule="unknown_scheme")
    known = {field.name: field for field in fields(found)}
    for option, value in options.items():
        if option not in known:
            raise RegionDataError(rule="unknown_option", column=option)
        if not isinstance(value, str) or (not value and known[option].default != ""):
            raise RegionDataError(rule="option_text", column=option)
    for option, field in known.items():
        if option not in options and field.default is MISSING:
            raise RegionDataError(rule="missing_option", column=option)
    return found(**options)
