"""Helpers of the tests: real brokers and stores, free ports, waiting for a condition."""
