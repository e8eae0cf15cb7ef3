"""Which rows go to which part, at random within the rows of one label combination."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.stratification.allocation import ROWS, Counts, Item, Wish, allocate
from mtl_nas.data.stratification.combinations import Combinations
from mtl_nas.random_streams import SPLIT_SEED

BLOCK = 2**20  # rows that are drawn at once
MOST_GROUPS = 4096  # groups that are placed one by one; of more groups those of one profile are interchangeable
MOST_RARE = 128  # combinations that tell the profiles of groups apart, the rarest first

PartOfRow = NDArray[np.uint8]


def draw(
    groups: NDArray[np.int64] | None, labels: Combinations, sizes: Sequence[int], priority: Sequence[int]
) -> PartOfRow:
    """The part of each row, (N,): of single rows, or of whole groups if there are any."""
    if not len(labels.of_row):
        return np.empty(0, dtype=np.uint8)
    return draw_rows(labels, sizes, priority) if groups is None else draw_groups(groups, labels, sizes, priority)


def draw_rows(labels: Combinations, sizes: Sequence[int], priority: Sequence[int]) -> PartOfRow:
    """The part of each row, (N,); parts have these sizes, but for label values that need a row in every part."""
    label_ids, everywhere = labels.label_ids()
    counts = np.bincount(labels.of_row, minlength=len(label_ids))
    items = [_item(int(count), ids[ids > 0]) for count, ids in zip(counts, label_ids, strict=True)]
    wish = Wish(np.asarray(sizes, dtype=np.int64), priority, everywhere, exact=True)
    return _drawn(labels.of_row, allocate(items, wish))


def draw_groups(
    groups: NDArray[np.int64], labels: Combinations, sizes: Sequence[int], priority: Sequence[int]
) -> PartOfRow:
    """The part of each row, (N,): rows of one group, (N,) numbers from 0, have one part.

    Labels are balanced by rows, and sizes are met as well as whole groups allow.
    """
    _, group_of_row = np.unique(groups, return_inverse=True)
    profile_of_group = _profiles(group_of_row, labels)
    items = _profile_items(profile_of_group, group_of_row, labels)
    wish = Wish(np.asarray(sizes, dtype=np.int64), priority, labels.label_ids()[1], exact=False)
    return _drawn(profile_of_group, allocate(items, wish))[group_of_row]


def _item(count: int, label_ids: Counts) -> Item:
    ids = np.concatenate([[ROWS], label_ids])
    return Item(count, ids, np.ones(len(ids)))


def _drawn(item_of: NDArray[np.integer[Any]], counts: Counts) -> PartOfRow:
    """A part for each of (N,) that are of some item, of which so many, (items, parts), go to each part."""
    order = np.random.RandomState(SPLIT_SEED).permutation(len(item_of))
    ends, seen = np.cumsum(counts, axis=1), np.zeros(len(counts), dtype=np.int64)
    parts = np.empty(len(item_of), dtype=np.uint8)
    for start in range(0, len(order), BLOCK):
        drawn = order[start : start + BLOCK]
        items = item_of[drawn]
        by_item = np.argsort(items, kind="stable")
        in_block = np.bincount(items, minlength=len(counts))
        first = np.cumsum(in_block) - in_block
        position = np.empty(len(drawn), dtype=np.int64)  # among the rows of the item
        position[by_item] = np.arange(len(drawn)) - first[items[by_item]] + seen[items[by_item]]
        parts[drawn] = (position[:, None] >= ends[items]).sum(axis=1)
        seen += in_block
    return parts


def _profiles(group_of_row: NDArray[np.int64], labels: Combinations) -> NDArray[np.int64]:
    """The profile of each group: itself, or where groups are many its size and its rarest label combination."""
    rows = np.bincount(group_of_row)
    if len(rows) <= MOST_GROUPS:
        return np.arange(len(rows))
    by_rarity = np.argsort(np.bincount(labels.of_row, minlength=len(labels.values)), kind="stable")
    rank = np.empty(len(by_rarity), dtype=np.int64)
    rank[by_rarity] = np.minimum(np.arange(len(by_rarity)), MOST_RARE - 1)
    rarest = np.full(len(rows), MOST_RARE, dtype=np.int64)
    for start in range(0, len(group_of_row), BLOCK):
        block = slice(start, start + BLOCK)
        np.minimum.at(rarest, group_of_row[block], rank[labels.of_row[block]])
    size = np.log2(rows).astype(np.int64)
    profile: NDArray[np.int64] = np.unique(rarest * 64 + size, return_inverse=True)[1]
    return profile


class _Sums(NamedTuple):
    """Rows by profile and label id, in the order of profiles."""

    profiles: Counts
    label_ids: Counts
    rows: NDArray[np.float64]


def _profile_items(
    profile_of_group: NDArray[np.int64], group_of_row: NDArray[np.int64], labels: Combinations
) -> list[Item]:
    groups = np.bincount(profile_of_group)
    sums = _label_sums(profile_of_group, group_of_row, labels)
    ends = np.searchsorted(sums.profiles, np.arange(len(groups)), side="right")
    return [
        Item(int(groups[profile]), sums.label_ids[start:stop], sums.rows[start:stop] / groups[profile])
        for profile, (start, stop) in enumerate(zip([0, *ends[:-1]], ends, strict=True))
    ]


def _label_sums(profile_of_group: NDArray[np.int64], group_of_row: NDArray[np.int64], labels: Combinations) -> _Sums:
    combinations = len(labels.values)
    rows = np.zeros(len(np.bincount(profile_of_group)) * combinations, dtype=np.int64)
    for start in range(0, len(group_of_row), BLOCK):
        block = slice(start, start + BLOCK)
        np.add.at(rows, profile_of_group[group_of_row[block]] * combinations + labels.of_row[block], 1)
    present = np.flatnonzero(rows)
    profile, combination = np.divmod(present, combinations)
    label_ids, _ = labels.label_ids()
    width = int(label_ids.max(initial=0)) + 1
    every = np.concatenate([np.zeros((combinations, 1), dtype=np.int64), label_ids], axis=1)  # ROWS, then labels
    keys, sums = [], []
    for task, column in enumerate(every.T):
        told_apart = (column[combination] > 0) | (task == 0)
        found, index = np.unique((profile * width + column[combination])[told_apart], return_inverse=True)
        keys.append(found)
        sums.append(np.bincount(index, weights=rows[present][told_apart], minlength=len(found)))
    order = np.argsort(np.concatenate(keys), kind="stable")  # within a profile ROWS comes first
    profiles, ids = np.divmod(np.concatenate(keys)[order], width)
    return _Sums(profiles, ids, np.concatenate(sums)[order].astype(np.float64))
