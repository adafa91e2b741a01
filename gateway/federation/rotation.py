"""Lets a publisher follow a shelf of federation keys, step by step, while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trust.keys import thumbprint

if TYPE_CHECKING:
    from gateway.federation.publisher import EntityPublisher
    from gateway.key_shelf import Shelf


def follow_shelf(publisher: EntityPublisher, shelf: Shelf) -> None:
    """List, use and drop federation keys as the shelf has them now.

    Raises:
        KeyMaterialError: a key was retired before, or there are too many.
        SettingsError: the folder of the publisher cannot be used.
    """
    listed = {thumbprint(key.public_key) for key in publisher.keys}
    for key in shelf.keys[1:]:
        # One that is listed keeps its place: the key that signs must sign the first list with its successor.
        if thumbprint(key.public().public_key) not in listed:
            publisher.announce(key)
    publisher.rotate(shelf.signing)
    kept = {thumbprint(key.public().public_key) for key in shelf.keys}
    for old in publisher.keys:
        if thumbprint(old.public_key) not in kept:
            publisher.retire(old.kid)
