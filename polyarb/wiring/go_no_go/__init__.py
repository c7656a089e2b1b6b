"""The 22 checks of go/no-go at work, and the records that come of them."""
