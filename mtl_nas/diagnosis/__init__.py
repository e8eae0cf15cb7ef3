"""Why sharing helps or harms, as a trained network shows it: gates, unused experts, dead units, gradients."""

from mtl_nas.diagnosis.diagnosing import diagnose
from mtl_nas.diagnosis.sentences import sentences
from mtl_nas.record.diagnosis import Diagnosis

__all__ = ["Diagnosis", "diagnose", "sentences"]
