"""The library that the settings describe: who it is, and how its items become records."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from oai import descriptions, formats
from oai.formats import Context, Format, canonical
from oai.item import Item
from oai.protocol.model import Content, Identity
from oai.protocol.syntax import oai_identifier
from oai.settings import Settings, SettingsError

SAMPLE = "a-report-on-something-0123abcd"
"""The local part that oai-identifier shows as a sample as long as there is no item."""


@dataclass(frozen=True, slots=True)
class Library:
    """What is needed to make records, and to say whose they are."""

    settings: Settings
    formats: Mapping[str, Format]
    context: Context
    about: bytes
    canonical_about: bytes

    @classmethod
    def of(cls, settings: Settings) -> "Library":
        """Return the library of *settings*; raises SettingsError for a format that is not installed."""
        try:
            chosen = formats.enabled(settings.formats or None)
        except KeyError as error:
            known = ", ".join(sorted(formats.installed()))
            raise SettingsError(f"formats: {error.args[0]!r} is not installed; there are: {known}") from None
        if "oai_dc" not in chosen:
            raise SettingsError("formats: oai_dc is missing, and the protocol asks for it")
        context = Context(settings.site_url, settings.rights, settings.language or None)
        licence = settings.metadata_licence
        rights = descriptions.rights(licence) if licence else b""
        about = b"<about>" + rights + b"</about>" if rights else b""
        return cls(settings, chosen, context, about, canonical(rights) if rights else b"")

    def identifier(self, local: str) -> str:
        """Return the identifier of the item with the local part *local*."""
        return oai_identifier(self.settings.namespace, local)

    def page_of(self, local: str) -> str:
        """Return the address of the item's page for people: its identifier's local part is the path's end."""
        escaped = self.identifier(local).removeprefix(f"oai:{self.settings.namespace}:")
        return f"{self.settings.site_url}/records/{escaped.replace('?', '%3F')}"

    def content(self, item: Item, prefix: str) -> Content:
        """Return what *item*'s record says; raises :class:`oai.formats.InvalidRecord`."""
        xml, canonical_xml = self.formats[prefix].render(item, self.page_of(item.id), self.context)
        origin = descriptions.provenance(item.provenance) if item.provenance else b""
        about = (b"<about>" + origin + b"</about>" if origin else b"") + self.about
        canonical_about = (canonical(origin) if origin else b"") + self.canonical_about
        digest = hashlib.sha256(canonical_xml + canonical_about).digest()
        return Content(b"<metadata>" + xml + b"</metadata>" + about, digest)

    def fingerprint(self, prefix: str) -> str:
        """Return what changes when the same items may give other records."""
        return self.formats[prefix].fingerprint(self.context, self.about)

    def identity(self, sample: str | None = None, *, compressions: tuple[str, ...] = ()) -> Identity:
        """Return what Identify says; *sample* is the local part of some item."""
        return Identity(
            self.settings.repository_name,
            self.settings.base_url,
            self.settings.admin_email,
            compressions,
            descriptions.descriptions(self.settings, sample or SAMPLE),
        )
