"""Helpers of the Zephyr platform: finding workspace and toolchain, building, reading images."""
