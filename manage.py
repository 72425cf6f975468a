#!/usr/bin/env python3
"""The one command: `demo` and `test` set up everything they need, all else goes to Django.

This file parses on any Python, so that an old one can say that it is too old; see marketplace/bootstrap.py.
"""

import os
import runpy
import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("Redress needs Python 3.11 or newer; this is %d.%d. Try: python3.11 manage.py" % sys.version_info[:2])
    home = os.path.dirname(os.path.abspath(__file__))
    runpy.run_path(os.path.join(home, "marketplace", "bootstrap.py"), run_name="__main__")
