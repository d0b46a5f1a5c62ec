"""Prints, one a line, what a checkout needs from the package registry: to build, to run and to develop.

pyproject.toml is the one place where these stand. Extras beside "dev" are arguments.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())
extras = project["project"]["optional-dependencies"]
wanted = [package for extra in ("dev", *sys.argv[1:]) for package in extras[extra]]
print("\n".join([*project["build-system"]["requires"], *project["project"]["dependencies"], *wanted]))
