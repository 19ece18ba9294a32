"""What a browser and a monitoring system are shown: pages, probes, telemetry; read-only."""
