"""How a network learns: loop, schedule, precision."""
