"""Every stream of random numbers, so that no two of them coincide by accident.

A training draws its weights, dropout masks and orders of rows from its seed. Its other draws come from numpy generators
that are seeded with ``(stream, seed, ...)``, each with a stream of its own. Searches derive seeds from names
(``study.jobs.seed_of``). Draws that have to be equal in all runs have a fixed seed.
"""

import numpy as np

# streams of a training's seed: the first number of a numpy seed sequence
NEGATIVE_SAMPLING = 1  # rows without the funnel's first event that a training keeps
STREAMED_ROWS = 2  # cuts and orders of rows that are read from files

# fixed seeds of legacy RandomState generators, whose streams never change between versions of numpy
SPLIT_SEED = 0  # rows or groups that go to a split
LEAK_CHECK_SEED = 0  # sample of the rows of a long table
FIT_SEED = 0  # sample of the train rows of a long table, to which histograms of numbers are fitted
CENSUS_TEST_SEED = 0  # halves of the census test file

# fixed seeds of generators whose results are compared within one run only
BOOTSTRAP_SEED = 0  # replicates of an interval
ENSEMBLE_HALVES_SEED = 1  # halves of the choosing rows that measure what an ensemble gains
BOOTSTRAP_BLOCK_SEED = 0  # block of each row; equal for all methods, which are compared row by row
EXPORT_CHECK_SEED = 0  # rows on which an exported file is compared with its model
DIAGNOSIS_SEED = 0  # negative sampling of the rows that a diagnosis reads


def training_stream(stream: int, seed: int, *indices: int) -> np.random.Generator:
    """Return the generator of a training's stream, at an epoch or a block within it."""
    return np.random.default_rng((stream, seed, *indices))


def epoch_order_seed(seed: int, epoch: int) -> int:
    """Return the torch seed of the order in which an epoch visits rows that are held in memory."""
    return (seed << 20) + epoch
