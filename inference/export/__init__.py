"""Turns a source model into the graphs lookstream serves. Runs once; needs the extra `export`."""
