"""Finds the packages, and installs the top-level folder ``search_spaces`` as ``mtl_nas.search_spaces``."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["mtl_nas", "mtl_nas.*"]), "mtl_nas.search_spaces"])
