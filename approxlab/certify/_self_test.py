"""Placeholder."""


def self_test() -> list[str]:
    return []
