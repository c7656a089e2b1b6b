#!/usr/bin/env python3
"""Write the daily report; the same as `polyarb report daily`, with the same options."""

import os
import sys

os.execvp("polyarb", ["polyarb", "report", "daily", *sys.argv[1:]])
