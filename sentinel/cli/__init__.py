"""One file per command. Prints; decides nothing."""
