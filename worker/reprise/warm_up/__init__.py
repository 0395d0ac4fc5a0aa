"""Taking over from a worker of another index: learn what it decided, publish nothing, and go live where it stopped."""
