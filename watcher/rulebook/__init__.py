"""rules.toml: from a file people edit to rules that can be trusted."""
