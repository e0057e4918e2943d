"""Counters of processes that are forked, in one of its own: `prometheus_client` reads its folder when imported."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.embedded import free_port

CHILDREN = 12
_PROGRAM = """
import json, os, sys
from pathlib import Path
from urllib.request import urlopen

from core.process_counters import serve_counters, share_counters

folder, port, children = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
files = share_counters(folder)

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

made = Counter("made", "Made.", ["kind"])
took = Histogram("took", "Took.", buckets=[1])
now = Gauge("now", "Now.")
collect, locked = MultiProcessCollector.collect, []
MultiProcessCollector.collect = lambda self: (locked.append(files.lock.locked()), collect(self))[1]
serve_counters("127.0.0.1", port, files)
folder.joinpath("counter_4194305.db").touch()  # of a process that was killed when it began; no id is as high
sizes, shown = [], []
for number in range(children):
    child = os.fork()
    if child == 0:
        made.labels("even" if number % 2 == 0 else "odd").inc()
        took.observe(number % 3)
        now.set(number)
        if number % 4 == 0 and os.fork() == 0:  # a child merges nothing
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    sizes.append(len(list(folder.iterdir())))
    with urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        lines = response.read().decode().splitlines()
    shown.append({line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")})
print(json.dumps({"sizes": sizes, "shown": shown, "locked": locked}))
"""


def measured(folder: Path) -> Any:
    command = [sys.executable, "-c", _PROGRAM, str(folder), str(free_port()), str(CHILDREN)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def test_the_files_of_processes_that_ended_are_merged_and_their_counts_stay(tmp_path: Path):
    found = measured(tmp_path / "counters")
    for number, shown in enumerate(found["shown"], start=1):
        assert shown['made_total{kind="even"}'] == (number + 1) // 2
        assert shown.get('made_total{kind="odd"}', 0) == number // 2
        assert shown["took_count"] == number
        assert shown['took_bucket{le="1.0"}'] == number - number // 3
        assert shown["took_sum"] == sum(one % 3 for one in range(number))
        assert "now" not in shown
    types, summed = 3, 2
    most = types + types + summed  # of the first process, of the last child, and the sums of the others
    assert max(found["sizes"]) <= most
    assert all(found["locked"]), "nothing is merged while the files are read"
