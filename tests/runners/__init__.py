"""Firmware running: in emulators, as a process, on a board behind a line."""
