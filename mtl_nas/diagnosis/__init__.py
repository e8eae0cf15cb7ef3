"""Why sharing helps or harms in a trained network: gate weights, unused experts, dead units, conflicting gradients.

network_diagnosis.py    diagnose: a network and rows -> the Diagnosis of ``mtl_nas.record``
  gate_usage.py         the weights that gates, stitches and routes give their inputs
  usage.py              nodes that no task uses, or only one
  units.py              hidden units that are always zero
  gradients.py          cosines between the tasks' gradients
summary.py              a Diagnosis -> short lines of text
"""

from mtl_nas.diagnosis.network_diagnosis import diagnose
from mtl_nas.diagnosis.summary import summary_lines
from mtl_nas.record import Diagnosis

__all__ = ["Diagnosis", "diagnose", "summary_lines"]
