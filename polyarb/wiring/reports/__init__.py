"""Reports as a workspace asks for them: what they are read from, where they are written."""
