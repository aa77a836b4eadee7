"""The loop: read, judge, write down, then deliver. One thread decides; what may hang lives in children."""
