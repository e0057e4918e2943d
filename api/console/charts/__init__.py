"""Charts of the console as geometry: `templates/charts.html` draws each as inline SVG with a table of its values.

Across, everything is a share of the picture's width in per cent; down, it is CSS pixels. So one picture fits every
screen and the printed page without a script. Equal inputs give equal pictures.
"""

from api.console.charts.bars import Bar, BarChart, bar_chart
from api.console.charts.distribution import Distribution, Percentiles, bins_of, distribution_chart
from api.console.charts.lines import LineChart, LineSeries, line_chart
from api.console.charts.ring import MOST_NODES, RingEdge, RingGraph, RingNode, ring_graph
from api.console.charts.scales import AxisTick, Unit, round_marks
from api.console.charts.table import ChartTable
from api.console.charts.timeline import Timeline, TimelineEvent, timeline_chart

__all__ = [
    "MOST_NODES",
    "AxisTick",
    "Bar",
    "BarChart",
    "ChartTable",
    "Distribution",
    "LineChart",
    "LineSeries",
    "Percentiles",
    "RingEdge",
    "RingGraph",
    "RingNode",
    "Timeline",
    "TimelineEvent",
    "Unit",
    "bar_chart",
    "bins_of",
    "distribution_chart",
    "line_chart",
    "ring_graph",
    "round_marks",
    "timeline_chart",
]
