"""A study as a package that others can load: data, codebook, metadata, materials and results.

``write_package`` makes the ZIP file; ``Statement`` is what its owner says about it,
``Analysed`` how its results are made.
"""

from .package import Analysed, Packaged, write_package
from .statement import Statement

__all__ = ["Analysed", "Packaged", "Statement", "write_package"]
