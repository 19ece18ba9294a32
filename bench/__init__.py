"""Measurements, side by side with something bare in the same run: ratios hold on a noisy machine, seconds do not."""
