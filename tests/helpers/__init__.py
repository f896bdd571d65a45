"""What several tests build on; nothing here is a test."""
