"""Run every measurement, one after the other. Usage: python -m benchmarks"""

from benchmarks import (
    bench_decode,
    bench_filter,
    bench_journal,
    bench_program,
    bench_river,
    bench_size,
)

for bench in (bench_river, bench_decode, bench_filter, bench_size, bench_journal, bench_program):
    bench.main()
