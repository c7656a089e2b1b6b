"""What the venue writes on the wire, as the servers answer it and a played tape holds it."""
