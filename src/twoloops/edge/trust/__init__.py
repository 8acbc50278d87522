"""Releases on the device: verified by TUF, tested, swapped, gone back from. Base install only."""
