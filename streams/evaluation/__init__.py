"""How good lists are, on anybody's own log: `lookstream evaluate`.

method.py     what is asked of everything that ranks: lookstream and the baselines
log.py        the log: users and items by number, in the order of time
files.py      rows of CSV and JSONL, with limits; what is wrong with one is said by file and line
loading.py    vectors from a file, or made of a folder of pictures
vectors.py    what the items look like, by their numbers
replay.py     prequential: first rank, then learn
split.py      the other protocol, for logs without times: learn one part, rank the other
warm.py       everything compiled before seconds are counted
placing.py    the rank of what came, and the best few (compiled)
measures.py   numbers of ranks, with bootstrap intervals over users
slices.py     for whom, for which items, after what pause
findings.py   all values of a run, for each event and method
baselines/    what lookstream is compared with
product.py    lookstream itself, by the code that the workers run
report.py     table and JSON; plot.py the curves
"""
