"""What the other agents do: counts, score windows and levels of quantities, by group and fleet."""
