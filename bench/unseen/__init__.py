"""A fourth folder of labelled tiny trainings: faults as an engineer would plant them to test a night watch, each proved against its healthy twin."""
