#!/bin/sh
# Back up the workspace (the current folder, or POLYARB_WORKSPACE), verify that backup, prune old
# ones; ends with the exit code of the first that fails. Further words go to `polyarb backup create`.
set -eu
polyarb backup create "$@"
polyarb backup verify --latest
exec polyarb backup prune --yes
