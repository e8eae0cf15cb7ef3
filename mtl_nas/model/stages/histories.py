"""The stage that turns behaviour sequences into states, (N, B, H) for a stage of N members."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import History
from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.columns import TABLE_DEVIATION, looked_up
from mtl_nas.model.stages.layers import add_linear
from mtl_nas.model.stages.stage_module import TableStage


class HistoryStage(TableStage[History]):
    """ids (B, columns, length), 0 = padding, and (B, C) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        members, block = len(stage.nodes), self.block
        self.table = nn.Parameter(torch.empty(members, block.table_rows, block.width))
        starts = torch.tensor([sum(block.sizes[:index]) for index in range(len(block.sizes))])
        self.register_buffer("starts", starts, persistent=False)
        properties = block.properties * block.width if block.kind == "property_gated_lstm" else 0
        units, items = block.hidden, len(block.sizes) * block.width - properties
        shapes: dict[str, tuple[int, ...]] = {}
        if block.kind != "mean":
            shapes = {"item_weight": (block.gates * units, items), "hidden_weight": (block.gates * units, units)}
            shapes["gate_bias"] = (block.gates * units,)
        if properties:
            shapes["property_weight"] = (3 * units, properties)
        if block.kind == "gru":
            shapes["hidden_bias"] = (3 * units,)
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(members, *shape)))
        if block.attention != "none":
            fan_in = block.units(stage.widths) + sum(stage.widths)
            for index, width in enumerate((*block.attention_hidden, 1)):
                bias = index < len(block.attention_hidden) or block.attention == "sigmoid"
                add_linear(self, index, members, fan_in, width, bias=bias, prefix="score_")
                fan_in = width

    def forward(self, activations: Activations) -> Tensor:
        """Padded positions have weight zero; an empty sequence gives zeros."""
        ids = activations.inputs[self.input_name]  # (B, columns, length)
        if self.block.kind == "mean" and self.block.attention == "none":
            return self._means(ids)
        context = self.inputs(activations).unbind(0) if self.block.has_context else None
        filled = (ids[:, 0] > 0).T  # (L, B)
        rows = (ids + cast(Tensor, self.starts).to(ids.dtype).unsqueeze(-1)).permute(2, 0, 1)  # (L, B, columns)
        outputs = []
        for member, items in enumerate(looked_up(self.table, rows).unbind(0)):
            state = self._read(items.flatten(2), member)  # (L, B, S)
            if self.block.attention == "none":
                outputs.append(_last(state, filled))
            else:
                outputs.append(self._pooled(state, filled, None if context is None else context[member], member))
        return torch.stack(outputs)

    def _means(self, ids: Tensor) -> Tensor:
        filled = (ids > 0).to(self.table.dtype)
        share = filled / filled.sum(dim=2, keepdim=True).clamp(min=1.0)
        rows = ids + cast(Tensor, self.starts).to(ids.dtype).unsqueeze(-1)
        # not embedding_bag, which has no second derivative; meta-learning needs it
        pooled = share.unsqueeze(2) @ looked_up(self.table, rows)  # (N, B, columns, 1, d)
        return pooled.flatten(2)

    def _read(self, inputs: Tensor, member: int) -> Tensor:
        """(L, B, D) -> (L, B, S): the state of each position, which depends on none after it."""
        if self.block.kind == "mean":
            return inputs
        gates, recurrent, bias = (
            cast(Tensor, getattr(self, name))[member] for name in ("item_weight", "hidden_weight", "gate_bias")
        )
        start = inputs.new_zeros(1, inputs.shape[1], self.block.hidden)
        train = torch.is_grad_enabled()  # cuDNN has a backward pass in training mode only
        if self.block.kind == "gru":
            weights = [gates, recurrent, bias, cast(Tensor, self.hidden_bias)[member]]
            return torch.gru(inputs, start, weights, True, 1, 0.0, train, False, False)[0]
        if hasattr(self, "property_weight"):  # properties enter all gates but the candidate, the third of four
            rows = cast(Tensor, self.property_weight)[member]
            candidate = rows.new_zeros(self.block.hidden, rows.shape[1])
            property_gates = torch.cat([rows[: 2 * self.block.hidden], candidate, rows[2 * self.block.hidden :]])
            gates = torch.cat([gates, property_gates], dim=1)
        weights = [gates, recurrent, bias, torch.zeros_like(bias)]
        return torch.lstm(inputs, (start, start), weights, True, 1, 0.0, train, False, False)[0]

    def _pooled(self, state: Tensor, filled: Tensor, context: Tensor | None, member: int) -> Tensor:
        """(L, B, S) -> (B, S): positions weighted by a network that reads each state and the context."""
        scores = self._scores(state, context, member)  # (L, B)
        if self.block.attention == "softmax":
            lowest = torch.finfo(scores.dtype).min
            scores = torch.softmax(scores.masked_fill(~filled, lowest), dim=0)
        else:
            scores = torch.sigmoid(scores)
        return torch.einsum("lb,lbs->bs", scores * filled, state)

    def _scores(self, state: Tensor, context: Tensor | None, member: int) -> Tensor:
        for index in range(len(self.block.attention_hidden) + 1):
            weight, bias = getattr(self, f"score_weight{index}")[member], getattr(self, f"score_bias{index}")
            bias = None if bias is None else bias[member]
            if index:
                state = F.linear(F.relu(state), weight, bias)
            elif context is None:
                state = F.linear(state, weight, bias)
            else:
                own = weight[:, : state.shape[-1]], weight[:, state.shape[-1] :]
                state = F.linear(state, own[0]) + F.linear(context, own[1], bias)
        return state[..., 0]

    @property
    def input_name(self) -> str:
        """Name of the ids among the input tensors."""
        return f"sequence/{self.block.name}"

    def rows_read(self, inputs: InputTensors) -> tuple[Tensor, Mapping[str, Tensor], Mapping[str, Tensor]]:
        """The rows include each column's padding, from whose index the column's new ids are counted."""
        starts = cast(Tensor, self.starts)
        ids = inputs[self.input_name] + starts.unsqueeze(-1)
        rows, indices = torch.unique(torch.cat([starts, ids.flatten()]), return_inverse=True)
        new_starts = indices[: len(starts)]
        new_ids = indices[len(starts) :].view_as(ids) - new_starts.unsqueeze(-1)
        return rows, {self.input_name: new_ids}, {"starts": new_starts}

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws for tables; biases and the rows for padding and for unseen values start at zero."""
        super().reset(generator)
        with torch.no_grad():
            self.table.normal_(0.0, TABLE_DEVIATION, generator=generator)
            for start in cast(Tensor, self.starts).tolist():
                self.table[:, start : start + 2] = 0.0
            for name in ("item_weight", "property_weight", "hidden_weight"):
                if hasattr(self, name):
                    bound = self.block.hidden**-0.5
                    cast(Tensor, getattr(self, name)).uniform_(-bound, bound, generator=generator)


def _last(state: Tensor, filled: Tensor) -> Tensor:
    """(L, B, S) -> (B, S): the state of the last filled position, zeros where there is none."""
    count = filled.sum(dim=0)  # (B,)
    index = (count - 1).clamp(min=0).view(1, -1, 1).expand(1, -1, state.shape[-1])
    return state.gather(0, index)[0] * (count > 0).to(state.dtype).unsqueeze(-1)
