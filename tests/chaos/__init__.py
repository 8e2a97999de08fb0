"""The fault harness: real workers, broker and store, seeded faults, and a judge."""
