"""Adapters to where state lives: Redis, memory, the item index and its snapshot."""
