"""Jobs: load, plan, run over batches of events, and explain what was found."""
