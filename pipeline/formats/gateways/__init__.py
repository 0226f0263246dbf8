"""Wire formats of gateways: what a proxy between agents and tools or models logs."""
