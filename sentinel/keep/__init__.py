"""What survives a restart: one SQLite file with bookmarks, alerts, effects, deliveries and people's words."""
