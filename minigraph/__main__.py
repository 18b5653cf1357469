"""``python -m minigraph``."""

from minigraph.cli import main

if __name__ == "__main__":
    main()
