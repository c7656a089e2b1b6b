"""The sandbox on the wire: one app and one socket a service, all of them over one world."""
