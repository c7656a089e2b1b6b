"""The two websocket channels: the market's and the user's."""
