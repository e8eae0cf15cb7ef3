"""New tasks and new groups from old models, with few rows."""

from mtl_nas.adaptation.adapting import Adaptation, adapt

__all__ = ["Adaptation", "adapt"]
