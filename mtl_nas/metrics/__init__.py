"""What a difference of scores is worth."""

from mtl_nas.metrics.bootstrap import Interval, Judged, interval, judged

__all__ = ["Interval", "Judged", "interval", "judged"]
