"""Small real trainings that the tests start, ask and end."""
