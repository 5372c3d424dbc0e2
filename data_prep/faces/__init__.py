"""Generated faces: a seeded renderer that writes BP4D's own folder layout."""
