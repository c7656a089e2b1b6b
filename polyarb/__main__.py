"""Run the app as `python -m polyarb`."""

from polyarb.cli.app import main

if __name__ == "__main__":
    main()
