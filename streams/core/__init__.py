"""The pure part: profiles, interests, candidates, lists. No I/O, no clock, no global random."""
