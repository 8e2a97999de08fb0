"""The pure part: profiles, interests, candidates, lists. No I/O, no clock, no global random.

rules.py       every number somebody may want to change
catalogue.py   what is asked of the item index
profile.py     one user: her interests and memories
codec.py       a profile as bytes
apply.py       one click into a profile
candidates.py  what to search for, and what of the found may be listed
ranker.py      how good a candidate is for her
diversity.py   several tastes in one list, near-duplicates not
reasons.py     why an item is listed, and a checker of that
lists.py       all of it: the list
"""
