"""Pure: readings and facts in, effects out. No files, no clock, no threads, no logging; time is handed in."""
