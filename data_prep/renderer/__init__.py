"""Generated faces: a seeded renderer that writes BP4D's and DISFA's own layouts."""
