"""Tests of `lookstream evaluate`."""
