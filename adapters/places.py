"""Where things are kept, as settings say it: a folder or file, or a container or blob of Azure Storage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
CONTAINER_FORM = "https://ACCOUNT.blob.core.windows.net/CONTAINER"


@dataclass(frozen=True, slots=True)
class ContainerUrl:
    """The address of a blob container; ``account`` ends before the container's name."""

    account: str
    name: str

    def __str__(self) -> str:
        return f"{self.account}/{self.name}"


@dataclass(frozen=True, slots=True)
class BlobUrl:
    """The address of one blob."""

    container: ContainerUrl
    name: str

    def __str__(self) -> str:
        return f"{self.container}/{self.name}"


class NoPlace(ValueError):
    """The setting names no place that anything could be kept in; the text is the rest of a sentence."""


def is_url(value: str) -> bool:
    """Say whether a setting means an address rather than a folder."""
    return _URL.match(value) is not None


def container_at(value: str) -> ContainerUrl:
    """Return the container that a URL names; raises NoPlace."""
    account, parts = _split(value)
    if len(parts) != 1:
        raise NoPlace(f"is no container; write {CONTAINER_FORM}")
    return ContainerUrl(account, parts[0])


def blob_at(value: str) -> BlobUrl:
    """Return the blob that a URL names; raises NoPlace."""
    account, parts = _split(value)
    if len(parts) < 2:
        raise NoPlace(f"is no blob; write {CONTAINER_FORM}/NAME")
    return BlobUrl(ContainerUrl(account, parts[0]), "/".join(parts[1:]))


def folder_or_container(
    environ: Mapping[str, str], key: str, app: Path, wrong: list[str]
) -> Path | ContainerUrl:
    """Return the place that a setting names; what is wrong with it is added to ``wrong``."""
    value = environ.get(key, "").strip()
    if not is_url(value):
        return app / value
    try:
        return container_at(value)
    except NoPlace as error:
        wrong.append(f"{key}: {_shown(value)!r} {error}")
        return app


def file_or_blob(
    environ: Mapping[str, str], key: str, app: Path, wrong: list[str]
) -> Path | BlobUrl | None:
    """Return the file or blob that a setting names, if any; what is wrong with it is added to ``wrong``."""
    value = environ.get(key, "").strip()
    if not value:
        return None
    if not is_url(value):
        if not (app / value).is_file():
            wrong.append(f"{key}: there is no file {value!r}")
        return app / value
    try:
        return blob_at(value)
    except NoPlace as error:
        wrong.append(f"{key}: {_shown(value)!r} {error}")
        return None


def _split(value: str) -> tuple[str, list[str]]:
    """Return the account's address and the parts of the path that follow it."""
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError as error:
        raise NoPlace(f"is no URL; write {CONTAINER_FORM}") from error
    if url.scheme != "https" or not host:
        raise NoPlace("is no https:// address; tokens are sent there, to Azurite too")
    if url.query or url.fragment or url.username is not None:
        # A signature in a setting would be a secret that anybody who reads settings could use.
        raise NoPlace("carries more than an address; the app's identity opens it, no signature")
    parts = [unquote(part) for part in url.path.strip("/").split("/")]
    account = f"https://{url.netloc}"
    if _is_bare(host):
        account, parts = f"{account}/{parts[0]}", parts[1:]
    if not parts or not _CONTAINER.fullmatch(parts[0]) or not all(parts):
        raise NoPlace(f"names no container; write {CONTAINER_FORM}")
    return account, parts


def _is_bare(host: str) -> bool:
    """Say whether a host's name has no room for the account's; then the path begins with it."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _shown(value: str) -> str:
    """Return an address without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//", value).partition("?")[0]
