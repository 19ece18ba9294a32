"""The endpoint, both sides of it: what asks it, and a server that answers as it does."""
