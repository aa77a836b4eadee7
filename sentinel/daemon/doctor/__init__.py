"""What a set-up needs, checked one by one. Nothing here mends; each finding carries the command that does."""
