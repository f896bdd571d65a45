"""What a delivered library is called."""

from __future__ import annotations

import pytest

from mlforge_tasks.contract.delivered_library import prefix_of
from mlforge_tasks.render import c_identifier


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("glucose", "glucose"),
        ("glucose_nrf52840dk", "glucose_nrf52840dk"),
        ("My-Pump 2", "my_pump_2"),
        ("2nd", "model_2nd"),
        ("double", "model_double"),
        ("aot", "model_aot"),
        ("time", "model_time"),  # its header would be taken for C's
        ("pumpe-süd", "pumpe_s_d"),
        ("___", "model"),
        ("x" * 40, "x" * 32),
    ],
)
def test_a_contracts_name_becomes_a_prefix(name: str, prefix: str) -> None:
    """Whatever a file is called, C takes it."""
    assert c_identifier(prefix_of(name)) == prefix
