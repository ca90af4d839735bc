"""Sensors: tasks that wait for services."""
