"""Alert rules and their lives: what is measured, when it is wrong, and what then happens.

Pure but for `notifiers`, the one module that talks to the outside.
"""
