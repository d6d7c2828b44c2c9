"""Galaxies that do not exist: a multimodal variational autoencoder of galaxies, live in JupyterLab.

The names people type; each part is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
