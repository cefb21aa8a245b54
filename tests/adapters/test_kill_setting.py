"""Whatever the setting says that is not off, is on; and it is read anew each time."""

from __future__ import annotations

import pytest

from adapters.kill_setting import KEY, EnvironmentKillSetting


@pytest.mark.parametrize("off", ["", "  ", "0", "off", "OFF", "false", "No "])
def test_it_is_off(off: str) -> None:
    assert EnvironmentKillSetting({KEY: off}).pulled() is None


@pytest.mark.parametrize("on", ["1", "on", "true", "offf", "a game day, ask carol"])
def test_it_is_on(on: str) -> None:
    assert EnvironmentKillSetting({KEY: on}).pulled() == on


def test_it_is_read_each_time() -> None:
    environ: dict[str, str] = {}
    setting = EnvironmentKillSetting(environ)
    assert setting.pulled() is None
    environ[KEY] = "on"
    assert setting.pulled() == "on"
