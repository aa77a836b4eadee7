"""A third folder of labelled tiny trainings: runs that are well and look odd, faults of other kinds, and the frameworks that the first two lack."""
