"""The door to minigraph from a checkout: ``python cli.py train models/two_conv.toml``."""

from minigraph.cli import main

if __name__ == "__main__":
    main()
