"""The machine underneath: clocks, latency, and what supervises a process."""
