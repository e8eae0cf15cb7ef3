"""Types of the blocks' options."""

from typing import Annotated, Literal

from pydantic import Field

Units = Annotated[int, Field(ge=1, le=65536)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Activation = Literal["relu", "gelu", "silu", "tanh", "identity"]
Norm = Literal["none", "batch", "layer"]
NumberEncoding = Literal["standard", "quantile", "robust", "bucket", "histogram", "piecewise", "target", "periodic"]
NumberEncodings = tuple[NumberEncoding, ...]  # those of one column, side by side
HistoryKind = Literal["mean", "gru", "lstm", "property_gated_lstm"]
HistoryAttention = Literal["none", "softmax", "sigmoid"]
