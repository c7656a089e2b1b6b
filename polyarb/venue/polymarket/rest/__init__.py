"""The public REST hosts: requests with deadlines, under the documented limits."""
