"""The documents that are generated from the declarations: docs/topics.md, docs/asyncapi.json."""
