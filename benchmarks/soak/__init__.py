"""The soak test: the platform under a constant rate with rotating faults, and what grows meanwhile.

samples.py  memory, file descriptors and threads of every process; temporary files and logs
trends.py   slopes with their noise
windows.py  response times by five minutes
run.py      the run, its results and targets
"""

from benchmarks.soak.run import SoakResult, run, table
from benchmarks.soak.samples import ProcessSample, StorageSample
from benchmarks.soak.trends import Trend, trend

__all__ = ["ProcessSample", "SoakResult", "StorageSample", "Trend", "run", "table", "trend"]
