"""The rules to start from."""

from pathlib import Path

STARTING_POINT = Path(__file__).with_name("starting_point.toml").read_text("utf-8")
"""A commented rules.toml that works as it stands."""
