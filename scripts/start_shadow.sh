#!/bin/sh
# Run the shadow phase in the workspace of the current folder; further words go to `polyarb start`.
exec polyarb start --phase shadow "$@"
