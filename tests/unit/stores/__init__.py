"""Tests of streams/stores/ that need no server."""
