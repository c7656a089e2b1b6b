"""What is kept on disk: workspace, journal, tape, projections, control. I/O at its edge."""
