#!/bin/sh
# Start a live phase: gate, backup, risk, countdown, run, report. Further words go to
# `polyarb start`. Whatever is refused on the way ends it; nothing here overrides the gate.
set -eu
phase="${1:-micro-live}"
[ "$#" -eq 0 ] || shift
case "$phase" in
micro-live | constrained | scaled) ;;
*)
    echo "start_live_safe.sh: expected micro-live, constrained or scaled, found $phase" >&2
    exit 2
    ;;
esac

polyarb go-no-go --phase "$phase"
polyarb backup create
polyarb profiles check

echo "REAL MONEY: $phase starts in 5 seconds; Ctrl-C stops it now." >&2
for left in 5 4 3 2 1; do
    echo "$left" >&2
    sleep 1
done

# From here on Ctrl-C ends the run in order, and the report is written all the same.
trap : INT TERM
code=0
polyarb start --phase "$phase" "$@" || code=$?
# A refused start has run nothing: there is nothing to report.
[ "$code" -eq 3 ] || polyarb report daily || echo "start_live_safe.sh: no stop report" >&2
exit "$code"
