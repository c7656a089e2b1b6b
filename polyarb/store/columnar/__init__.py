"""Columnar tapes: the same lines as numbers in columns, small and quick to load, in Parquet.

Nothing outside of this package knows pyarrow, which is an extra: `polyarb[columnar]`.
"""
