"""Says in one sentence whether this Python can run the local stack. Runs on any Python 3."""

import sys

# numpy 1, which the Triton binary's Python backend needs, has no wheels for newer ones.
OLDEST, NEWEST = (3, 11), (3, 12)

if not OLDEST <= sys.version_info[:2] <= NEWEST:
    sys.exit(  # no f-string: an old Python has to get as far as this sentence
        "The local stack needs Python 3.11 or 3.12, because of the Triton binary it starts; "
        "this is %d.%d. Name another one: make PYTHON=python3.12 ..." % sys.version_info[:2]
    )
