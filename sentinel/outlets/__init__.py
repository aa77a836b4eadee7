"""OUT: words and pictures of an alert, channels, the hands that ask and stop, the proof of a checkpoint."""
