"""Running the past again: replay and its comparison, scenarios, later sweeps and calibration."""
