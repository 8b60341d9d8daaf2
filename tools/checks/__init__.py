"""Checks of the repository and its environment."""
