"""The table of what `polyarb doctor --host` looks at, why it matters here, and what to do."""

from enum import StrEnum

import msgspec

from polyarb.host.checkup import Check, Finding, Result


class BaselineName(StrEnum):
    """Every check of the machine, in the order it is told."""

    PROCESSORS = "processors"
    GOVERNOR = "governor"
    BOOST = "boost"
    QUOTA = "cpu-quota"
    STEAL = "steal"
    LOAD = "load"
    SOURCE = "clock-source"
    SYNC = "clock-sync"
    DRIFT = "clock-drift"
    TIME_SERVERS = "time-servers"
    FILES = "open-files"
    THREADS = "threads"
    CORES = "core-dumps"
    MEMORY = "memory"
    GROUP_MEMORY = "memory-limit"
    SWAP = "swap"
    HUGE_PAGES = "huge-pages"
    BUFFERS = "receive-buffers"
    FILE_SYSTEM = "file-system"
    LATENCY = "sync-latency"


class BaselineKind(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the machine: what it asks, why it matters, when it warns and fails, the advice."""

    name: BaselineName
    asks: str
    why: str
    warns: str
    fails: str = ""
    advice: str


BASELINE: tuple[BaselineKind, ...] = (
    BaselineKind(
        name=BaselineName.PROCESSORS,
        asks="How many processors may this process use?",
        why="the trading loop needs one for itself",
        warns="fewer than two",
        advice="give the machine a second processor",
    ),
    BaselineKind(
        name=BaselineName.GOVERNOR,
        asks="How is the speed of the processors chosen?",
        why="a burst of books meets a slow processor until the governor notices",
        warns="a governor other than performance or schedutil",
        advice="sudo cpupower frequency-set -g performance",
    ),
    BaselineKind(
        name=BaselineName.BOOST,
        asks="May a processor go faster than its nominal speed?",
        why="decoding and detection run in one thread, as fast as one processor",
        warns="it may not",
        advice="switch the boost on in the firmware",
    ),
    BaselineKind(
        name=BaselineName.QUOTA,
        asks="Does the control group limit processor time?",
        why="a process that used its share stands still for up to 100 ms",
        warns="less than two processors; stopped in more than 1 % of periods",
        advice="raise CPUQuota= of the unit, or run the container with --cpus 2",
    ),
    BaselineKind(
        name=BaselineName.STEAL,
        asks="Does the host of a virtual machine keep time for itself?",
        why="stolen time is a pause between seeing a book and ordering that no log shows",
        warns="more than 2 %, within a second or since boot",
        advice="move to a machine with dedicated processors",
    ),
    BaselineKind(
        name=BaselineName.LOAD,
        asks="Do more want to run than there are processors?",
        why="the loop queues behind other programs",
        warns="more than 100 % over a minute",
        advice="find who it is (ps aux --sort=-%cpu | head) and move it to another machine",
    ),
    BaselineKind(
        name=BaselineName.SOURCE,
        asks="Where does the kernel take the time from?",
        why="every message is stamped twice, and a slow source costs microseconds each time",
        warns="hpet, acpi_pm, pit, jiffies or xen",
        advice="boot with clocksource=tsc where the processor's own counter is steady",
    ),
    BaselineKind(
        name=BaselineName.SYNC,
        asks="Does exactly one daemon keep the clock?",
        why="order expiry, staleness and the journal's dates rest on it",
        warns="none; several; an error of more than 100 ms is possible",
        advice="sudo apt-get install chrony, or: sudo timedatectl set-ntp true",
    ),
    BaselineKind(
        name=BaselineName.DRIFT,
        asks="How fast does the bare clock run away?",
        why="while the time servers are out of reach, this is how soon 100 ms are passed",
        warns="more than 100 millionths",
        advice="stay on one clock source across restarts; if it stays, use another machine",
    ),
    BaselineKind(
        name=BaselineName.TIME_SERVERS,
        asks="How far is our clock from several time servers?",
        why="trading stops at 100 ms and nothing starts at 500 ms",
        warns="more than 100 ms; no majority of servers answers alike",
        fails="more than 500 ms",
        advice="sudo chronyc makestep, or: sudo systemctl restart systemd-timesyncd",
    ),
    BaselineKind(
        name=BaselineName.FILES,
        asks="May enough files and sockets be open at once?",
        why="a stream that cannot be opened is a part of the market that nobody sees",
        warns="less than twice what is needed",
        fails="less than what is needed",
        advice="ulimit -n 4096, or LimitNOFILE=8192 of the unit",
    ),
    BaselineKind(
        name=BaselineName.THREADS,
        asks="May enough threads be started?",
        why="writers and deliveries of alerts are threads of their own",
        warns="fewer than 256",
        fails="fewer than 64",
        advice="ulimit -u 1024, or TasksMax=512 of the unit",
    ),
    BaselineKind(
        name=BaselineName.CORES,
        asks="Does a crash write the memory to the disk?",
        why="keys and tokens are in that memory",
        warns="it does",
        advice="ulimit -c 0, or LimitCORE=0 of the unit",
    ),
    BaselineKind(
        name=BaselineName.MEMORY,
        asks="How much memory can be had?",
        why="the kernel ends the process that holds most when there is none",
        warns="less than 2 GiB",
        fails="less than 512 MiB",
        advice="find who holds it (ps aux --sort=-rss | head) and end it, or add memory",
    ),
    BaselineKind(
        name=BaselineName.GROUP_MEMORY,
        asks="How much memory does the control group leave?",
        why="beyond the limit the trader is killed, however much the machine has",
        warns="less than 2 GiB",
        fails="less than 512 MiB",
        advice="raise MemoryMax= of the unit, or run the container with --memory 4g",
    ),
    BaselineKind(
        name=BaselineName.SWAP,
        asks="May the process be put on the disk?",
        why="a page that comes back from the disk stops the loop, and secrets reach the disk",
        warns="there is swap and swappiness is above 10",
        advice="sudo sysctl vm.swappiness=1, or: sudo swapoff -a",
    ),
    BaselineKind(
        name=BaselineName.HUGE_PAGES,
        asks="Does the kernel join pages unasked?",
        why="it stops the process for milliseconds to make room for them",
        warns="always",
        advice="echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
    ),
    BaselineKind(
        name=BaselineName.BUFFERS,
        asks="How much may a socket hold that was not read yet?",
        why="the snapshots of 500 books come at once on each stream, and a full one is cut off",
        warns="less than 1 MiB",
        advice='sudo sysctl net.ipv4.tcp_rmem="4096 131072 6291456"',
    ),
    BaselineKind(
        name=BaselineName.FILE_SYSTEM,
        asks="What does data/ lie on?",
        why="an order leaves only after its intent is safe there, and one lock keeps others out",
        warns="a network or layered file system; no barriers; room for fewer than 10000 files",
        fails="it is memory; it is mounted for reading only",
        advice="move the workspace to ext4 or xfs on a local disk",
    ),
    BaselineKind(
        name=BaselineName.LATENCY,
        asks="How soon is a write safe?",
        why="every order waits for its intent to be safe",
        warns="10 ms in the middle; 50 ms for one in a hundred",
        fails="100 ms in the middle; 500 ms for one in a hundred; nothing can be written",
        advice="move the workspace to a local SSD; see who writes: sudo iotop -o",
    ),
)

_KINDS = {kind.name: kind for kind in BASELINE}


def as_baseline_check(name: BaselineName, finding: Finding) -> Check:
    """Give a finding its name, why it matters and, where something is to be done, the advice."""
    kind = _KINDS[name]
    is_well = finding.result in (Result.OK, Result.SKIPPED)
    return Check(
        name=name,
        result=finding.result,
        found=finding.found,
        remedy="" if is_well else finding.remedy or kind.advice,
        measured=finding.measured,
        why=kind.why,
    )


def baseline_rows() -> str:
    """Write the table for a document."""
    return "".join(
        f"| `{kind.name}` | {kind.asks} | {kind.why} | {kind.warns or 'never'} |"
        f" {kind.fails or 'never'} | {_cell(kind.advice)} |\n"
        for kind in BASELINE
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
