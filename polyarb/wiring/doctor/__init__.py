"""What `polyarb doctor` looks at, in a workspace, on the machine and at the venue."""
