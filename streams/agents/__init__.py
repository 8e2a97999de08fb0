"""The agents: what comes in, what is done with one batch, what goes out."""
