"""Run every measurement, one after the other. Usage: python -m benchmarks"""

from benchmarks import (
    bench_alert_action,
    bench_alert_delivery,
    bench_alerts,
    bench_backup,
    bench_decode,
    bench_filter,
    bench_go_no_go,
    bench_journal,
    bench_live,
    bench_program,
    bench_recovery,
    bench_report,
    bench_river,
    bench_sandbox_chain,
    bench_sandbox_channels,
    bench_sandbox_day,
    bench_sandbox_exchange,
    bench_sandbox_http,
    bench_signing,
    bench_size,
    bench_stream,
    bench_tape,
    bench_trading,
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
    bench_alerts,
    bench_alert_delivery,
    bench_alert_action,
    bench_backup,
    bench_go_no_go,
    bench_signing,
    bench_sandbox_http,
    bench_sandbox_channels,
    bench_sandbox_day,
    bench_sandbox_exchange,
    bench_sandbox_chain,
    bench_trading,
    bench_recovery,
)

if __name__ == "__main__":
    for bench in BENCHES:
        bench.main()
