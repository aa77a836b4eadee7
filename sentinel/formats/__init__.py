"""Pure: bytes to lines, lines to rows, facts and marks. One file per format family."""
