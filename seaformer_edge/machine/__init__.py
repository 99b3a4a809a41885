"""The machine the program runs on: board readings, display, Debian packages, malloc."""
