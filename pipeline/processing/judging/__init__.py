"""The parts of a worker: fast path, reference, modes of an agent, trust answers and anomalies."""
