"""`python -m twoloops`."""

from twoloops.cli.main import run

if __name__ == "__main__":
    run()
