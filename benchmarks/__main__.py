"""Run every measurement, one after the other. Usage: python -m benchmarks"""

from benchmarks import (
    bench_decode,
    bench_filter,
    bench_journal,
    bench_live,
    bench_program,
    bench_report,
    bench_river,
    bench_size,
    bench_stream,
    bench_tape,
)

BENCHES = (
    bench_river,
    bench_decode,
    bench_filter,
    bench_size,
    bench_journal,
    bench_program,
    bench_stream,
    bench_tape,
    bench_live,
    bench_report,
)

if __name__ == "__main__":
    for bench in BENCHES:
        bench.main()
