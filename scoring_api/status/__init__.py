"""How the API and the pipeline are doing: metrics, freshness, silent agents."""
