from __future__ import annotations

from pathlib import Path

import pytest

from local.clock import parse_clock


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf", "fast", ""])
def test_a_clock_is_scaled_by_a_number_above_zero_alone(factor: str) -> None:
    with pytest.raises(ValueError, match="give a number above 0, as in scaled:60"):
        parse_clock(f"scaled:{factor}")


@pytest.mark.parametrize("spec", ["virtual", "scaled:60"])
def test_a_file_that_is_no_clock_is_refused_by_name(spec: str, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("noon")
    with pytest.raises(ValueError, match="clock is no clock: it has 4 bytes instead of 8"):
        parse_clock(spec, tmp_path / "clock")
