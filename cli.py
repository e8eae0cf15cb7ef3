"""``python cli.py`` in a checkout equals ``mtl-search``."""

from mtl_nas.cli import main

if __name__ == "__main__":
    main()
