"""A second set of real tiny trainings, in the formats that frameworks write: each healthy set-up beside itself with one thing broken."""
