"""Real tiny trainings of many kinds, made to see what the rules say of runs that they were not written on."""
