"""The constants of Adam (Kingma and Ba, 2015), the same wherever weights are moved."""

BETAS = (0.9, 0.999)  # what a step leaves of the first and the second moment
EPSILON = 1e-8
