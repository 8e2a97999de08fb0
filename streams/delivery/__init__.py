"""The one place that knows how Faust loses events, and how it does not."""
