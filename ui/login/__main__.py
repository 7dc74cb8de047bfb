"""`python -m ui.login NAME`: print a line for the page's users file."""

import sys

from ui.login.users import main

if __name__ == "__main__":
    sys.exit(main())
