"""Export a study as a package for others: data, codebook, metadata, materials and results.

``write_package`` makes the ZIP file; ``Statement`` contains the owner's information, ``Analysed``
the settings of the analysis.
"""

from .package import Analysed, Packaged, write_package
from .statement import Statement

__all__ = ["Analysed", "Packaged", "Statement", "write_package"]
