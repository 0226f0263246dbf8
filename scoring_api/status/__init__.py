"""Status of the API and the pipeline: metrics, freshness, silent agents."""
