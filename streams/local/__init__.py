"""Everything that lets lookstream run on one machine with nothing installed: demo parts."""
