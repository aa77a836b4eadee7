"""The hands: look at a run's processes, ask them for a checkpoint, end them. They signal pinned processes only."""
