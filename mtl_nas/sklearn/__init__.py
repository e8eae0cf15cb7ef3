"""An estimator of scikit-learn: a search behind ``fit``, and its model behind ``predict``.

features.py     X as raw columns
targets.py      y as label columns, and predictions in the shape and the values of y
fitting.py      both, weights and groups as one data set
estimator.py    ``MTLSearch``
"""

try:
    import sklearn  # noqa: F401
except ImportError:
    raise ImportError("mtl_nas.sklearn needs scikit-learn: pip install 'mtl_nas[sklearn]'") from None

from mtl_nas.sklearn.estimator import MTLSearch

__all__ = ["MTLSearch"]
