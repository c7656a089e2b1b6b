#!/bin/sh
# May a phase begin? Exit 0 yes, 1 no, 5 not enough evidence; words go to `polyarb go-no-go`.
exec polyarb go-no-go "$@"
