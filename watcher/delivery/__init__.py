"""How messages leave: rendering, and the channels that carry them."""
