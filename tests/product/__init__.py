"""The whole product as a user runs it, and the gates of its code base."""
