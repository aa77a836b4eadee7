"""Rule files into rules or faults: YAML with places, expressions, templates, trials, schema."""
