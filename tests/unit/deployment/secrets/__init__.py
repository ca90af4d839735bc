"""Rotations of secrets."""
