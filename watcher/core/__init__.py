"""The domain: pure functions of values, without I/O, clock, logging or third parties."""
