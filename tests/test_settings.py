"""Settings: what is said to whom, and what is refused."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from oai.settings import Settings, SettingsError, load

ROOT = Path(__file__).parent.parent
KEYS = list(Settings.model_fields)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no settings of this machine come in."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OAI_")]:
        monkeypatch.delenv(name)


def test_the_file_documents_every_setting() -> None:
    """config/oai.toml has every key, with its line of help and its default."""
    text = (ROOT / "config" / "oai.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    found = dict(re.findall(r"^# (.+)\n# (\w+) = ", text, re.MULTILINE))
    assert list(found.values()) == KEYS
    assert list(found) == [field.description for field in Settings.model_fields.values()]
    uncommented = tomllib.loads(re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE))
    for key, field in Settings.model_fields.items():
        if field.default is not None:
            shown = uncommented[key]
            assert (tuple(shown) if isinstance(shown, list) else shown) == field.default, key


def test_the_readme_documents_every_setting() -> None:
    """The README's table has every key."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == KEYS


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given goes before the environment, that before the file, that before the defaults."""
    path = tmp_path / "mine.toml"
    path.write_text('repository_name = "From the file"\npage_size = 5\nworkers = 3\nsources = ["a b", "c"]\n')
    monkeypatch.setenv("OAI_CONFIG", str(path))
    monkeypatch.setenv("OAI_PAGE_SIZE", "6")
    monkeypatch.setenv("OAI_WORKERS", "4")
    settings = load(None, workers=5)
    assert settings.repository_name == "From the file"
    assert (settings.page_size, settings.workers) == (6, 5)
    assert settings.sources == ("a b", "c")
    assert settings.language == "eng"


def test_the_default_file_is_read(tmp_path: Path) -> None:
    """config/oai.toml in the working directory is read without being named."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "oai.toml").write_text("page_size = 7\n")
    assert load().page_size == 7


def test_lists_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in the environment is words between spaces."""
    monkeypatch.setenv("OAI_ADMIN_EMAIL", "a@x.org b@x.org")
    monkeypatch.setenv("OAI_SOURCES", "pages more")
    settings = load()
    assert settings.admin_email == ("a@x.org", "b@x.org")
    assert settings.sources == ("pages", "more")


BAD = [
    ("base_url", "ftp://x.org/oai"), ("base_url", "http://x.org/other"), ("base_url", "x"), ("base_url", "http://x.org/oai?a=b"),
    ("base_url", "http://x.org/a b/oai"), ("repository_name", " "), ("repository_name", "a\x00b"), ("admin_email", "me@localhost"),
    ("admin_email", "mailto:a@b.org"), ("admin_email", "Name <a@b.org>"), ("namespace", "localhost"), ("namespace", "a_b.org"),
    ("database_url", "mysql://x"), ("database_url", "nonsense"), ("page_size", "0"), ("page_size", "1001"), ("page_size", "many"),
    ("page_bytes", "1"), ("language", "english"), ("friends", "ftp://x"), ("branding_icon", "icon.png"), ("workers", "0"),
    ("metadata_licence", "CC0"), ("replica_urls", "postgresql://a/b"), ("replica_urls", "mysql://x"), ("replica_lag", "0"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    """A setting that cannot be used is refused in one line with its key, its value and what is allowed."""
    if "\x00" in value:
        with pytest.raises(SettingsError, match=key):
            load(None, **{key: value})
        return
    monkeypatch.setenv(f"OAI_{key.upper()}", value)
    with pytest.raises(SettingsError) as error:
        load()
    message = str(error.value)
    assert message.startswith(f"{key} = ")
    assert (value.split() or [value])[0] in message
    assert "\n" not in message


def test_replicas_are_of_postgresql() -> None:
    """Replicas go with a PostgreSQL database, and are PostgreSQL's themselves."""
    primary, replica = "postgresql+psycopg://one/oai", "postgresql+psycopg://two/oai"
    assert load(None, database_url=primary, replica_urls=(replica,)).replica_urls == (replica,)
    for database_url, url in (("sqlite:///a", replica), (primary, "sqlite:///b")):
        with pytest.raises(SettingsError, match=r"replica_urls = .* replicas are of PostgreSQL"):
            load(None, database_url=database_url, replica_urls=(url,))
    with pytest.raises(SettingsError) as error:
        load(None, replica_urls=("postgresql+psycopg://oai:hush@two/oai",))
    assert "://oai:***@two/oai" in str(error.value)


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    """A key that there is not is refused, lest a misspelt one go unnoticed."""
    path = tmp_path / "oai.toml"
    path.write_text("page_siez = 5\n")
    with pytest.raises(SettingsError, match="page_siez: there is no such setting"):
        load(path)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    """A file that cannot be read is named, with the line."""
    path = tmp_path / "oai.toml"
    path.write_text("page_size = \n")
    with pytest.raises(SettingsError, match=r"oai\.toml is not TOML: .*line 1"):
        load(path)
    with pytest.raises(SettingsError, match="no settings file"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("namespace", {"admin_email": "a@library.org"}),
        ("admin_email", {"namespace": "library.org"}),
        ("admin_email", {"namespace": "library.org", "admin_email": ("a@library.org", "b@sub.example.com")}),
    ],
)
def test_placeholders_are_refused_in_public(key: str, given: dict[str, str]) -> None:
    """A library that tells the world who it is does not do it with placeholders."""
    with pytest.raises(SettingsError, match=f"{key} .* placeholder"):
        load(None, base_url="https://library.org/oai", **given)
    assert load(None, base_url="http://localhost:8080/oai", **given)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing keys appear in no message and no representation."""
    assert "hush" not in repr(load(None, token_keys=("hush",)))
    monkeypatch.setenv("OAI_PAGE_SIZE", "x")
    with pytest.raises(SettingsError) as error:
        load(None, token_keys=("hush",))
    assert "hush" not in str(error.value)
