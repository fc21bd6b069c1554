"""Settings: ``config/oai.toml`` and the environment, read once into one frozen object.

An environment variable ``OAI_<KEY>`` goes before the file, the file before the defaults here.
The file is the one that ``OAI_CONFIG`` names, else ``config/oai.toml`` where there is one.
Relative paths are relative to the directory that the program is run in. Nothing reads the
environment at import; tests build ``Settings(...)``.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from oai.protocol import syntax

DEFAULT_FILE = Path("config/oai.toml")

_EMAIL = re.compile(r"\w[\w.+\-]*@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}", re.ASCII)
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*@")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PLACEHOLDER = re.compile(r"(^|[.@])example(\.(org|com|net))?$")


class SettingsError(Exception):
    """A setting that cannot be used: one line that names key, value and what is allowed."""


def _split(value: Any) -> Any:
    """Take a list written as one string, as the environment has to, apart at white space."""
    return value.split() if isinstance(value, str) else value


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        has_port = parts.port != 0
    except ValueError:
        has_port = False
    if not has_port or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an http or https address, its port, if any, below 65536")
    if parts.query or parts.fragment:
        raise ValueError("an address without query")
    if not parts.path.endswith("/oai"):
        raise ValueError("an address that ends in /oai")
    if not syntax.is_uri(value):
        raise ValueError("an address of characters that a URI may have")
    return value


def _web_address(value: str) -> str:
    if urlsplit(value).scheme not in ("http", "https") or not syntax.is_uri(value):
        raise ValueError("an http or https address")
    return value


def _namespace(value: str) -> str:
    if not syntax.is_namespace(value):
        raise ValueError("a domain name of your own, with a dot, such as library.example.org")
    return value


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("a bare e-mail address, such as admin@library.example.org")
    return value


def checked_database_url(value: str) -> str:
    """Return *value* if it is the URL of a database that a store can be in; raises ValueError."""
    try:
        driver = make_url(value).drivername
    except ArgumentError:
        driver = ""
    if driver not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError("sqlite:///PATH or postgresql+psycopg://…")
    return value


def _line(value: str) -> str:
    if not value.strip() or not syntax.is_xml_text(value):
        raise ValueError("text that is not empty")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # TOML's true would be 1
        raise ValueError("a number")  # noqa: TRY004 - pydantic takes it for a validation error
    return value


def _replica_urls(urls: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    database_url = info.data.get("database_url", "")
    if any(url.startswith("sqlite") for url in (database_url, *urls)) and urls:
        raise ValueError(
            "replicas are of PostgreSQL, so database_url and each of them is postgresql+psycopg://…"
        )
    return urls


Number = Annotated[int, BeforeValidator(_number)]
Line = Annotated[str, AfterValidator(_line)]
Words = Annotated[tuple[Line, ...], NoDecode, BeforeValidator(_split)]


def _other_base_url(value: str) -> str:
    if "?" in _web_address(value):
        raise ValueError("a base URL, without query")
    return value


WebAddress = Annotated[str, AfterValidator(_web_address)]
BaseUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_other_base_url)], ...], NoDecode, BeforeValidator(_split)
]


class Settings(BaseSettings):
    """Every key, with its line of help and its default."""

    model_config = SettingsConfigDict(env_prefix="OAI_", frozen=True, extra="forbid", env_ignore_empty=True)

    base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        default="http://127.0.0.1:8080/oai", description="The address that harvesters use; it ends in /oai."
    )
    repository_name: Line = Field(
        default="Open Access Publisher and Free Library",
        description="What the library is called, in Identify and on the site.",
    )
    admin_email: Annotated[
        tuple[Annotated[str, AfterValidator(_email)], ...], NoDecode, BeforeValidator(_split)
    ] = Field(
        default=("admin@example.org",),
        min_length=1,
        description="Who answers harvesters' questions; one address or more.",
    )
    namespace: Annotated[str, AfterValidator(_namespace)] = Field(
        default="library.example.org",
        description="Your domain, in every identifier: oai:<namespace>:…; it never changes.",
    )
    database_url: Annotated[str, AfterValidator(checked_database_url)] = Field(
        default="sqlite:///var/oai.sqlite", description="Where the records are kept, as SQLAlchemy writes it."
    )
    database_connections: Number = Field(
        default=8,
        ge=1,
        le=256,
        description="Most connections for reading of each process, with PostgreSQL; requests wait for one.",
    )
    database_timeout: Number = Field(
        default=30,
        ge=1,
        le=3600,
        description="Seconds that one statement of a request may take, with PostgreSQL; then it is given up.",
    )
    replica_urls: Annotated[
        tuple[Annotated[str, AfterValidator(checked_database_url)], ...],
        NoDecode,
        BeforeValidator(_split),
        AfterValidator(_replica_urls),
    ] = Field(
        default=(),
        description="Replicas of a PostgreSQL database that requests are answered from; none: from itself.",
    )
    replica_lag: Number = Field(
        default=30,
        ge=1,
        le=86_400,
        description="Seconds that a replica may be behind; then it is left out until it has caught up.",
    )
    sources: Words = Field(
        default=("seeds",), description="Directories and files that `oai sync` reads when it is given none."
    )
    page_size: Number = Field(default=200, ge=1, le=1000, description="Most records in one response.")
    page_bytes: Number = Field(
        default=8_000_000,
        ge=10_000,
        le=90_000_000,
        description="Most bytes of records in one response; one record always fits.",
    )
    formats: Words = Field(
        default=(),
        description="Metadata formats to serve, oai_dc among them; none named: all that are installed.",
    )
    rights: Words = Field(
        default=("info:eu-repo/semantics/openAccess",),
        description="dc:rights of every record, beside its own.",
    )
    language: str = Field(
        default="eng",
        pattern=r"^([a-z]{3})?$",
        description="dc:language of records whose source names none (ISO 639-3), or empty.",
    )
    token_keys: Words = Field(
        default=(),
        repr=False,
        description="Keys that sign resumptionTokens, newest last; none: one is made and kept in the store.",
    )
    friends: BaseUrls = Field(
        default=(), description="Base URLs of repositories that harvesters may like too."
    )
    branding_icon: WebAddress | None = Field(
        default=None, description="Address of the library's icon, for service providers."
    )
    branding_link: WebAddress | None = Field(default=None, description="Where a click on the icon leads.")
    branding_title: Line | None = Field(default=None, description="The icon's title.")
    eprints_content: Line | None = Field(
        default=None, description="What the collection holds, for the eprints description."
    )
    eprints_metadata_policy: Line | None = Field(
        default=None, description="What others may do with the metadata."
    )
    eprints_data_policy: Line | None = Field(
        default=None, description="What others may do with the documents."
    )
    eprints_submission_policy: Line | None = Field(default=None, description="Who may submit documents.")
    metadata_licence: WebAddress | None = Field(
        default=None,
        description="Address of the licence of the metadata (not of the documents), for rightsManifest.",
    )
    workers: Number = Field(default=2, ge=1, le=256, description="Processes that `oai serve` answers with.")

    @property
    def site_url(self) -> str:
        """The address of the pages for people, without a slash at its end."""
        return self.base_url.removesuffix("/oai")


def load(file: Path | None = None, **given: Any) -> Settings:
    """Return the settings: *given*, the environment, the file, the defaults, in this order.

    Raises :class:`SettingsError` with one line for a file that cannot be read and for a
    setting that cannot be used, placeholders on a public address included.
    """
    named = file or (Path(os.environ["OAI_CONFIG"]) if os.environ.get("OAI_CONFIG") else None)
    path = named or DEFAULT_FILE
    if named and not named.is_file():
        raise SettingsError(f"there is no settings file {named}")

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names them
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    try:
        settings = FromFile(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    _refuse_placeholders(settings)
    return settings


def _explain(error: ValidationError) -> str:
    lines: dict[str, str] = {}
    for detail in error.errors():
        key = str(detail["loc"][0])
        reason = detail["msg"].removeprefix("Value error, ")
        shown = "…" if key == "token_keys" else _PASSWORD.sub(r"\1***@", repr(detail["input"]))
        line = f"{key} = {shown}: {reason[0].lower() + reason[1:]}"
        if detail["type"] == "extra_forbidden":
            line = f"{key}: there is no such setting"
        lines.setdefault(key, line)
    return "; ".join(lines.values())


def _refuse_placeholders(settings: Settings) -> None:
    """Refuse to tell the world about a library that has not said who it is."""
    if (urlsplit(settings.base_url).hostname or "") in _LOOPBACK:
        return
    placeholders = [("namespace", settings.namespace)]
    placeholders += [("admin_email", email) for email in settings.admin_email]
    for key, value in placeholders:
        if _PLACEHOLDER.search(value):
            raise SettingsError(
                f"{key} = {value!r} is a placeholder: with a public base_url,"
                f" set {key} (or OAI_{key.upper()}) to your own"
            )
