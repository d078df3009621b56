"""`python -m carina` is the `carina` command."""

from carina.cli import main

main()
