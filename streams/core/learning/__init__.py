"""What the crowd's clicks teach, and the one ranker that is learned from what people choose.

In the order of the flow:

    interaction.py    what is learned from: a click, and what she had done before it
    learner.py        one interaction after the other; what has changed is published
    crowd.py          neighbours and counts by item; factors.py: two vectors by item
    signals.py        what is published of an item; weights_codec.py: of the ranker
    table.py          what a process follows of all items: where a recommender asks
    evidence.py       two lists walked for one user; features.py: candidates, nine features
    course.py         a learner on its way through the log; state.py: all of it as arrays
    ranker.py         one score out of nine features, and how its weights are learned
    residual.py       what is hers alone among the factors, kept in her profile
    causes.py         which item of hers a reason names
"""
