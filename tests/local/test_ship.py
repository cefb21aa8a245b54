"""What is packed for Azure: what the app needs, nothing else, the same bytes each time."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from local.__main__ import main
from local.processes import HERE, Home
from local.ship.clean_room import CleanRoom
from local.ship.command import check_index, check_licences
from local.ship.licences import Policy, licences
from local.ship.package import ShipRefused, check_files, files_to_ship, write_zip
from local.ship.trial import borrowed_names, check_imports, try_out

ROOT = Path(__file__).resolve().parents[2]


def test_what_azure_needs_is_packed_and_nothing_of_this_machine() -> None:
    names = files_to_ship(ROOT)
    check_files(names)
    rooms = {name.split("/")[0] for name in names}
    assert {"domain", "orchestrators", "activities", "entities", "triggers", "adapters"} <= rooms
    assert not rooms & {"local", "tests", "cli", "infra", "docs", "out", ".venv"}
    assert {"adapters/templates/evidence.html.j2", "triggers/pages/approval.html"} <= set(names)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return a small app under git, with a file that git does not know."""
    folder = tmp_path / "app"
    folder.mkdir()
    for name in ("function_app.py", "host.json", "requirements.txt", "secret.txt", "notes.md"):
        (folder / name).write_text(name)
    (folder / ".funcignore").write_text(".*\n*.md\n")
    tracked = ["function_app.py", "host.json", "requirements.txt", "notes.md", ".funcignore"]
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", *tracked], cwd=folder, check=True)
    return folder


def test_a_file_that_git_does_not_know_never_leaves(app: Path) -> None:
    assert files_to_ship(app) == ["function_app.py", "host.json", "requirements.txt"]


def test_the_same_files_make_the_same_bytes(app: Path, tmp_path: Path) -> None:
    names = files_to_ship(app)
    first = write_zip(app, names, tmp_path / "a.zip")
    (app / "host.json").touch()
    (app / "host.json").chmod(0o600)
    assert write_zip(app, names, tmp_path / "b.zip") == first
    (app / "host.json").write_text("changed")
    assert write_zip(app, names, tmp_path / "c.zip") != first
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert packed.namelist() == names


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["function_app.py", "host.json"], "requirements.txt is not packed"),
        (["function_app.py", "host.json", "requirements.txt", "tests/x.py"], "tests/x.py"),
        (["function_app.py", "host.json", "requirements.txt", ".env"], ".env"),
    ],
)
def test_a_package_that_lacks_or_leaks_is_refused(names: list[str], told: str) -> None:
    with pytest.raises(ShipRefused, match=re.escape(told)):
        check_files(names)


def test_an_app_that_imports_from_beyond_itself_is_refused() -> None:
    room = CleanRoom(Path("/room/app"), Path("/room/env/bin/python"))
    fine = {
        "functions": [{"name": "f"}],
        "files": ["/room/app/domain/plan.py", "/room/env/lib/x.py"],
    }
    check_index(fine, room)
    with pytest.raises(ShipRefused, match="/home/me/local/host"):
        check_index({**fine, "files": ["/home/me/local/host.py"]}, room)
    with pytest.raises(ShipRefused, match="no functions"):
        check_index({**fine, "functions": []}, room)


def test_licences_are_told_as_declared() -> None:
    sbom = {
        "components": [
            {"name": "b", "version": "2", "licenses": [{"expression": "MIT AND Apache-2.0"}]},
            {"name": "A", "version": "1", "licenses": [{"license": {"id": "MIT"}}]},
            {"name": "c", "version": "3"},
        ]
    }
    assert licences(json.dumps(sbom)) == "A 1: MIT\nb 2: MIT AND Apache-2.0\nc 3: not declared\n"


POLICY = (ROOT / "licences.toml").read_text(encoding="utf-8")


def made_of(**declared: list[str]) -> str:
    """Return a bill of materials; a licence with a space is written as a classifier."""
    return json.dumps(
        {
            "components": [
                {
                    "name": name,
                    "version": "1",
                    "licenses": [
                        {"license": {"name": f"License :: OSI Approved :: {one}"}}
                        if " License" in one or "Domain" in one
                        else {"expression": one}
                        for one in said
                    ],
                }
                for name, said in declared.items()
            ]
        }
    )


KNOWN = {name: tuple(said["declares"]) for name, said in Policy.read(POLICY).packages.items()}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["MIT"], None),
        (["Apache-2.0 OR GPL-3.0-only"], None),
        (["Apache-2.0 AND MIT"], None),
        (["Apache Software License"], None),
        ([], "odd 1 declares no licence; read its licence file and add it under [packages]"),
        (["GPL-3.0-only"], "odd 1 declares GPL-3.0-only, which licences.toml does not allow"),
        (["LGPL-2.1-or-later"], "odd 1 declares LGPL-2.1-or-later"),
        (["MIT AND AGPL-3.0-only"], "odd 1 declares MIT AND AGPL-3.0-only"),
        (["MIT", "GPL-2.0-only"], "odd 1 declares GPL-2.0-only"),
        (["GPL-2.0-only WITH Classpath-exception-2.0"], "odd 1 declares GPL-2.0-only WITH"),
        (["Our Own License"], "odd 1 declares Our Own License"),
        (["BSD License"], "odd 1 declares BSD License"),
    ],
)
def test_a_licence_that_is_not_allowed_stops_the_zip(said: list[str], told: str | None) -> None:
    sbom = made_of(odd=said, **{name: list(those) for name, those in KNOWN.items()})
    if told is None:
        check_licences(sbom, POLICY)
        return
    with pytest.raises(ShipRefused, match=re.escape(told)) as refused:
        check_licences(sbom, POLICY)
    assert len(str(refused.value).splitlines()) == 2


def test_what_was_read_in_a_licence_file_holds_for_just_what_was_declared_then() -> None:
    declared = {name: list(those) for name, those in KNOWN.items()}
    check_licences(made_of(**declared), POLICY)
    with pytest.raises(ShipRefused, match=r"isodate 1 declares GPL-3\.0-only"):
        check_licences(made_of(**{**declared, "isodate": ["GPL-3.0-only"]}), POLICY)
    del declared["isodate"]
    with pytest.raises(ShipRefused, match="tells of isodate, which does not ship; remove it"):
        check_licences(made_of(**declared), POLICY)


def test_an_app_that_borrows_from_the_host_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "env/bin/python", tmp_path, tmp_path / "packages")
    for name in ("env/lib/python3.11/site-packages/typing_extensions.py", "packages/h11/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "packages/typing_extensions.py").touch()
    (tmp_path / "packages/h11-0.16.0.dist-info").mkdir()
    assert borrowed_names(home) == {"h11"}
    app = tmp_path / "app"
    app.mkdir()
    (app / "probe.py").write_text("import typing_extensions\n\ndef late():\n    import httpx\n")
    check_imports(app, borrowed_names(home))
    (app / "probe.py").write_text("def late():\n    from h11 import Connection\n")
    with pytest.raises(ShipRefused, match=r"probe\.py imports h11, which requirements\.txt"):
        check_imports(app, borrowed_names(home))


@pytest.mark.slow
def test_the_zip_leaves_once_it_has_failed_the_shop_over_by_itself(tmp_path: Path) -> None:
    assert main(["ship", "--out", str(tmp_path), "--speed", "200"]) == 0
    trial = json.loads((tmp_path / "trial/evidence.json").read_text("utf-8"))
    assert trial["run"]["outcome"] == "COMPLETED"
    assert [tier["name"] for tier in trial["tiers"]] == ["db", "app", "web"]
    assert (tmp_path / "leeward.zip").is_file()
    assert json.loads((tmp_path / "leeward.sbom.json").read_text("utf-8"))["components"]


@pytest.mark.slow
def test_a_zip_whose_app_does_not_run_never_leaves(tmp_path: Path) -> None:
    room = tmp_path / "app"
    room.mkdir()
    (room / "host.json").write_text('{"version": "2.0"}')
    (room / "function_app.py").write_text("import no_such_library\n")
    with pytest.raises(ShipRefused, match="no_such_library"):
        try_out(room, HERE, tmp_path / "trial", 200)
