"""``python -m lgr`` is ``lgr``."""

from lgr.cli import main

main()
